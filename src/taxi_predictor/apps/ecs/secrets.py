"""Secrets of an environment, made here and put where tasks find them: Terraform never sees one."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from taxi_predictor.apps.ecs.aws import Environment, aws, say
from taxi_predictor.apps.ecs.definitions import EcsError

__all__ = ["ROLES", "put_secrets"]

ROLES = ("taxi_owner", "taxi_app", "taxi_dashboard", "taxi_exporter", "mlflow")
DATABASES: Mapping[str, tuple[str, str]] = {
    "owner_url": ("taxi_owner", "taxi"),
    "app_url": ("taxi_app", "taxi"),
    "dashboard_url": ("taxi_dashboard", "taxi"),
    "mlflow_url": ("mlflow", "mlflow"),
}
"""A secret to the role and the database of its address."""


def addresses(passwords: Mapping[str, str], host: str) -> Mapping[str, str]:
    """The addresses of the database, by the secret that each is kept in; the server has to prove its name."""
    return {
        name: f"postgresql://{role}:{passwords[role]}@{host}:5432/{database}?sslmode=verify-full"
        for name, (role, database) in DATABASES.items()
    }


def put_secrets(environment: Environment, certificates: Path, *, rotate: bool = False) -> None:
    """Make passwords, unless there are some that may stay, and put them and all addresses in place.

    *certificates* is the bundle (PEM) of the authorities that sign for RDS. Run the task ``roles`` after it:
    that tells PostgreSQL.

    Raises:
        EcsError: the bundle has no certificate, or AWS refuses.
    """
    bundle = certificates.read_text("ascii")
    if "-----BEGIN CERTIFICATE-----" not in bundle:
        raise EcsError(f"{certificates} has no certificate")
    places = environment.values
    kept = None if rotate else _value(places["role_passwords"])
    # Hexadecimal: an address needs no quoting.
    passwords = json.loads(kept) if kept else {role: secrets.token_hex(24) for role in ROLES}
    _put(places["database_ca"], bundle)
    _put(places["role_passwords"], json.dumps(passwords))
    for name, address in addresses(passwords, places["database_host"]).items():
        _put(places[name], address)
    say(f"{'kept' if kept else 'new'} passwords of {len(passwords)} roles: now run the task roles")


def _value(arn: str) -> str | None:
    try:
        answer = aws("secretsmanager", "get-secret-value", "--secret-id", arn)
    except EcsError as error:
        if "ResourceNotFoundException" in str(error):
            return None  # the place is there, and empty
        raise
    value: str = answer["SecretString"]
    return value


def _put(arn: str, value: str) -> None:
    # By a file that only this user reads: arguments are seen by everybody on this machine.
    with NamedTemporaryFile("w", encoding="ascii") as request:
        json.dump({"SecretId": arn, "SecretString": value}, request)
        request.flush()
        aws("secretsmanager", "put-secret-value", "--cli-input-json", f"file://{request.name}")
