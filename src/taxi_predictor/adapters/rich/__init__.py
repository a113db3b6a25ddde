"""Progress bars for a person at a terminal."""
