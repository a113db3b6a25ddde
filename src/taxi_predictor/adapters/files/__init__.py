"""Shared by adapters that write files."""
