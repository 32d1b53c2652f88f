"""The clusters that engines are tested on, started once for all tests that ask for one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import clusters
from froude.engines import Engine, get_engine
from tiny import environment


@pytest.fixture(scope="session")
def found() -> Iterator[pytest.MonkeyPatch]:
    """Workers find the package under test; and a patch for as long as the session is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
        yield patch


@pytest.fixture(scope="session")
def ray_cluster(found: pytest.MonkeyPatch) -> Iterator[clusters.RayCluster]:
    """A Ray cluster of two nodes."""
    with clusters.ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def slurm(found: pytest.MonkeyPatch) -> Iterator[None]:
    """A Slurm of one node, which the commands of this process find."""
    with clusters.slurm() as variables:
        for name in ("SLURM_CONF", "PATH"):
            found.setenv(name, variables[name])
        yield


@pytest.fixture(scope="session")
def maker(request: pytest.FixtureRequest, found: pytest.MonkeyPatch) -> Callable[[str, Path], Callable[[int], Engine]]:
    """What makes an engine of so many workers, by its name, with a folder for what it shares with them."""

    def make(name: str, folder: Path) -> Callable[[int], Engine]:
        if name == "slurm":
            request.getfixturevalue("slurm")
        if name == "ray://":
            name = request.getfixturevalue("ray_cluster").address
        return get_engine(name, None, folder)

    return make
