"""Settings as they are given: by the environment, which is read once, or by a program."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path

import msgspec

from taxi_predictor.apps.settings import DEFAULTS, InvalidSettings, Settings

__all__ = ["WELL_KNOWN", "checked", "load_settings"]

PREFIX = "TAXI_"
FILE_SUFFIX = "_FILE"
WELL_KNOWN = {
    "DATABASE_URL": "database_url",
    "MLFLOW_TRACKING_URI": "mlflow_tracking_uri",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "otlp_endpoint",
}
"""Names that other tools use too; they need no prefix."""


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read *environ*.

    Raises:
        InvalidSettings: an unknown ``TAXI_`` name, a value of the wrong kind, an unreadable secret.
    """
    raw: dict[str, str] = {}
    set_by: dict[str, str] = {}
    known = {f"{PREFIX}{name.upper()}": name for name in Settings.__struct_fields__} | WELL_KNOWN
    for variable, value in environ.items():
        plain = variable.removesuffix(FILE_SUFFIX) if variable not in known else variable
        if plain not in known:
            if variable.startswith(PREFIX):
                near = get_close_matches(variable.removeprefix(PREFIX).lower(), known.values(), n=1)
                hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
                raise InvalidSettings(f"there is no setting {variable}{hint}")
            continue
        field = known[plain]
        if not value or (field in raw and plain in WELL_KNOWN):
            continue  # our own name wins over the well-known one, if it says anything
        if told := value if plain == variable else _secret(variable, value):
            raw[field], set_by[field] = told, variable
    try:
        given = {name: _several(name, value) for name, value in raw.items()}
        settings = _converted(given, strict=False)
    except msgspec.ValidationError as error:
        reason, field = _parts_of(error)
        raise InvalidSettings(f"{set_by[field]}: {reason}") from error
    try:
        for network in settings.api_trusted_proxies:
            _ = ip_network(network)
    except ValueError as error:
        raise InvalidSettings(f"{PREFIX}API_TRUSTED_PROXIES: {error}") from error
    return settings


def checked(settings: Settings) -> Settings:
    """*settings* that a program made, each seen to be of its kind; a path may be given as text.

    Raises:
        InvalidSettings: a value of the wrong kind.
    """
    try:
        return _converted(msgspec.structs.asdict(settings), strict=True)
    except msgspec.ValidationError as error:
        reason, field = _parts_of(error)
        raise InvalidSettings(f"{field}: {reason}") from error


def _converted(given: Mapping[str, object], *, strict: bool) -> Settings:
    return msgspec.convert(given, Settings, strict=strict, dec_hook=lambda kind, text: kind(text))


def _parts_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """What is wrong, and with which field: it ends in "- at `$.pool_max`"."""
    reason, _, field = str(error).partition(" - at `$.")
    return reason, field.rstrip("`")


def _several(field: str, value: str) -> str | tuple[str, ...]:
    """The parts of *value* where *field* has several, else *value* itself."""
    if isinstance(getattr(DEFAULTS, field), tuple):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise InvalidSettings(f"{variable} names a file that cannot be read: {path}: {why}") from None
