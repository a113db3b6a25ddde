"""The commands of ``taxi-predictor``; each opens the container, does one thing and says what came of it."""
