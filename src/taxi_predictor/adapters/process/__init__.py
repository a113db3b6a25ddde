"""Processes: ports kept in a child, which loads what this one need not; and when nobody looks for garbage."""
