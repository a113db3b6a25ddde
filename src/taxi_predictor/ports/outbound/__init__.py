"""What the core needs from outside, as protocols; each docstring is the contract of its method.

Every adapter is held to the suite of its port in ``taxi_predictor.ports.testing``.
"""
