"""Simple methods that are trained beside every model."""
