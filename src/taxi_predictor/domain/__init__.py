"""Trips, cities, features, durations and the rules about them. Imports only the standard library."""
