"""The use cases. Each class is itself the driving port: faces call it, nothing wraps it."""
