"""A model behind FastAPI as tutorials do it: a validated body, a data frame of one row, mlflow.pyfunc."""

import os
from math import exp

import mlflow.pyfunc
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

model = mlflow.pyfunc.load_model(os.environ["MODEL"])
app = FastAPI()


class Trip(BaseModel):
    features: dict[str, float]


class Answer(BaseModel):
    duration_s: float


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/predict")
def predict(trip: Trip) -> Answer:
    return Answer(duration_s=exp(model.predict(pd.DataFrame([trip.features]))[0]))
