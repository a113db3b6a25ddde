"""Predict how long a taxi trip will take before it starts, with an honest distribution around it."""

__all__ = ["__version__"]

__version__ = "0.1.0"
