"""Counting requests in Redis, where all processes see it."""
