"""The same services on ECS: what each task is told, and how a release gets there.

What ``python -m taxi_predictor.apps.ecs`` does to an environment it does by the ``aws`` command line,
and needs the standard library alone; only ``write`` asks the settings.
"""
