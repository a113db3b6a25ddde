"""The same services on ECS: what each task is told, and how a release gets there.

What ``python -m taxi_predictor.apps.ecs`` does to an environment it does by the ``aws`` command line,
and needs the standard library alone; only ``write`` asks the settings.

It belongs to the package although workflows run it from a checkout, as :mod:`taxi_predictor.apps.stack`
does: what a task is told are the settings beside it, and ``deploy/`` holds declarations without logic.
"""
