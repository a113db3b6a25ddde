"""Columns of plans keep their contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.testing.plans import PlanColumnsContract


class TestFramePlanColumns(PlanColumnsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[PlanColumns]:
        yield FramePlanColumns()
