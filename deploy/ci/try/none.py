"""Without any extra: the names are there, and whatever cannot be done says what to install."""

import asyncio
import subprocess
import warnings
from contextlib import AbstractAsyncContextManager

import taxi_predictor
from taxi_predictor import Settings, load_champion, open_container
from taxi_predictor.apps.extras import NotInstalled

assert all(getattr(taxi_predictor, name) for name in taxi_predictor.__all__)
warnings.simplefilter("ignore")


async def opened(container: AbstractAsyncContextManager[object]) -> None:
    async with container:
        pass


for ask, extras in (
    (lambda: load_champion("."), "predict"),
    (lambda: asyncio.run(opened(open_container(Settings(profile="memory")))), "train"),
    (lambda: asyncio.run(opened(open_container(Settings()))), "embedded,postgres,train"),
):
    try:
        ask()
    except NotInstalled as error:
        assert str(error).endswith(f"pip install 'taxi-predictor[{extras}]'"), error
    else:
        raise AssertionError(f"{extras} was not asked for")

for command, extras in (("train", "train"), ("serve", "serve"), ("serve dashboard", "dashboard")):
    done = subprocess.run(["taxi-predictor", *command.split()], check=False, capture_output=True, text=True)
    said = " ".join(done.stderr.split())
    wanted = ",".join(sorted([*extras.split(","), "embedded", "postgres"]))
    assert done.returncode == 5, said
    assert said.startswith("not-installed "), said
    assert f"'taxi-predictor[{wanted}]'" in said, said
