"""The processes of a service: what serves, what stands beside it, and how they start and stop each other."""
