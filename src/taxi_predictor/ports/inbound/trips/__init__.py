"""What comes in, what is stored, and what is read from it."""
