"""What the operating system itself offers: the time."""
