"""Save a LightGBM text file as an MLflow model with a signature: save_pyfunc.py BOOSTER FOLDER."""

import sys

import mlflow.lightgbm
import pandas as pd

import lightgbm

path, folder = sys.argv[1:]
booster = lightgbm.Booster(model_file=path)
example = pd.DataFrame([[0.5] * booster.num_feature()], columns=booster.feature_name())
mlflow.lightgbm.save_model(booster, folder, input_example=example)
