"""Trips from outside: files of every known schema, the TLC's months, a simulated city. One cleaning."""
