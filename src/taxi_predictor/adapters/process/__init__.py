"""Ports served by a child process, and when a process collects no garbage."""
