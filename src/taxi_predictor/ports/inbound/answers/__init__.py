"""What is answered while somebody waits, what it is answered by, and how it is kept."""
