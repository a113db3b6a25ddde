"""Whole files of trips, for which nobody waits."""
