"""What decides whether a request is let in, before its handler runs."""
