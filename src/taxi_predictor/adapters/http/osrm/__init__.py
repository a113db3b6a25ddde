"""The face that OSRM has: a client of its table or its routes changes a URL, and durations follow the clock.

What it says of URLs, options and answers is OSRM's, as its ``docs/http.md`` and its parser have it.
"""
