"""Watching how good the answers are, and acting when they get worse."""
