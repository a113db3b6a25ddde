"""Counting requests where all processes see it."""
