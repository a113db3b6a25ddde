"""One package per thing outside; none knows another. ``columns`` is what the column engines share."""
