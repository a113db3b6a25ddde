"""The HTTP face of the predictor: JSON in, JSON out, every error a problem document (RFC 9457)."""
