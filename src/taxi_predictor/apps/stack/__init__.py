"""The stack of containers on one machine: up, watched, exchanged without a lost request, backed up.

Run as ``python3 -m taxi_predictor.apps.stack`` by ``make``. It is the standard library and ``docker``: a
machine that serves needs nothing of ours installed outside of the images.

It belongs to the package although ``make`` runs it from a checkout: :mod:`.secrets` and :mod:`.sealing` run
inside of the image, each in the version of its release, and ``deploy/`` holds declarations without logic
(docs/adr/0018).
"""
