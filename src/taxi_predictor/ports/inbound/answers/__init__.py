"""Answering questions while the caller waits, and keeping the answers."""
