"""``python -m taxi_predictor``: the same as the ``taxi-predictor`` command."""

from taxi_predictor.apps.cli import main

if __name__ == "__main__":
    main()
