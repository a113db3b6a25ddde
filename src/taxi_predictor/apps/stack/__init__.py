"""The stack of containers on one machine: up, watched, exchanged without a lost request, backed up.

Run as ``python3 -m taxi_predictor.apps.stack`` by ``make``. It is the standard library and ``docker``: a
machine that serves needs nothing of ours installed outside of the images.
"""
