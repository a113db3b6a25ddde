"""How good the answers are, and what is done when they get worse."""
