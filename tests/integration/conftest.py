"""An API that runs elsewhere, asked as its clients do; ``make integration`` says which.

Nothing of it is collected otherwise: there is nobody to ask.
"""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.asked import Asked
from taxi_predictor.apps.stack.door import Door
from taxi_predictor.apps.stack.layout import Layout

collect_ignore = [] if os.environ.get("INTEGRATION") else ["test_faces.py", "test_refusals.py"]

LEAVE_IN = timedelta(minutes=30)
"""Trips are asked for that begin soon: an answer is then logged like everybody's."""


@pytest.fixture(scope="session")
def asked() -> Asked:
    layout = Layout.here()
    url, key = os.environ.get("API_URL", ""), os.environ.get("SMOKE_KEY", "")
    stranger = Door.at(url) if url else Door.of(layout)
    if not key:
        key = (layout.state / "smoke-key").read_text("ascii").strip()
    places = [
        dict(zip(("lat", "lon"), map(float, layout.get(name).split(",")), strict=True))
        for name in ("SMOKE_PICKUP", "SMOKE_DROPOFF")
    ]
    return Asked(
        stranger=stranger,
        door=replace(stranger, headers={"authorization": f"Bearer {key}"}),
        pickup=places[0],
        dropoff=places[1],
        leave_at=datetime.now(UTC).replace(microsecond=0) + LEAVE_IN,
    )
