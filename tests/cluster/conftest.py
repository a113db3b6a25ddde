"""One cluster for all tests that need it; each finds it whole."""

from collections.abc import Iterator

import pytest

from cluster.two_workers import Cluster, a_cluster


@pytest.fixture(scope="session")
def running() -> Iterator[Cluster]:
    with a_cluster() as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    running.be_whole()
    return running
