"""Save the trees of a LightGBM text file as MLflow models with signatures: save_pyfunc.py BOOSTER FOLDER.

FOLDER/booster holds them as they are; FOLDER/regressor as scikit-learn's users have them, with one thread and
one more tree, for an estimator has to be fitted once.
"""

import sys
from pathlib import Path

import mlflow.lightgbm
import numpy as np
import pandas as pd

import lightgbm

path, folder = sys.argv[1], Path(sys.argv[2])
booster = lightgbm.Booster(model_file=path)
example = pd.DataFrame([[0.5] * booster.num_feature()], columns=booster.feature_name())
mlflow.lightgbm.save_model(booster, folder / "booster", input_example=example)
rows = pd.DataFrame(np.random.default_rng(0).random((1000, booster.num_feature())), columns=example.columns)
regressor = lightgbm.LGBMRegressor(n_jobs=1, n_estimators=1, verbose=-1)
regressor.fit(rows, rows.sum(axis=1), init_model=booster)
assert regressor.booster_.num_trees() == booster.num_trees() + 1
trusted = ["lightgbm.basic._InnerPredictor"]  # where the trees came from
mlflow.lightgbm.save_model(
    regressor, folder / "regressor", input_example=example, skops_trusted_types=trusted
)
