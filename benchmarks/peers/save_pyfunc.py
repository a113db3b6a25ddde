"""Save a LightGBM text file as an MLflow model: save_pyfunc.py BOOSTER FOLDER."""

import sys

import mlflow.lightgbm

import lightgbm

booster, folder = sys.argv[1:]
mlflow.lightgbm.save_model(lightgbm.Booster(model_file=booster), folder)
