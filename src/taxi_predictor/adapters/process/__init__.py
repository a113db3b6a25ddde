"""Ports kept in a child process, so that what they load is not loaded here."""
