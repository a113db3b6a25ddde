"""Versions: found, promoted, rolled back, followed."""
