"""Make the secrets of a stack, each once: ``python -m taxi_predictor.apps.stack.secrets FOLDER NAME...``.

It runs as root in a container without a network, so that whoever may run containers can do it and each
file belongs to the one user that reads it (mode 0400). NAMEs go into the certificate that is made where
none is given in ``FOLDER/../tls/``.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["main", "make_secrets"]

TAXI, NGINX, DATABASE, REDIS, NOBODY, GRAFANA = 10001, 101, 999, 999, 65534, 472
"""The users that the containers run as."""

PASSWORDS = (
    "postgres",
    "taxi_owner",
    "taxi_app",
    "taxi_dashboard",
    "mlflow",
    "taxi_exporter",
    "redis",
    "grafana",
)
MASTER = "passwords.json"
"""What all others are written from. Remove an entry and run `make up` to have a new password there."""

UNSET = "http://127.0.0.1:9/nobody-is-told-yet"
DAYS = 397
SOON_S = 30 * 86400


def make_secrets(folder: Path, names: Sequence[str], *, chown: bool = True) -> None:
    """Have every secret in *folder*; what is there and right stays, to the byte."""
    folder.mkdir(mode=0o700, exist_ok=True)
    master = folder / MASTER
    known: dict[str, str] = json.loads(master.read_text()) if master.exists() else {}
    # Hexadecimal: it needs no quoting in an address, in SQL or in an ACL.
    passwords = {name: known.get(name) or secrets.token_hex(24) for name in PASSWORDS}
    _keep(master, json.dumps(passwords, indent=1), os.getuid(), chown=chown)
    for name, (text, uid) in _files(passwords).items():
        _keep(folder / name, text, uid, chown=chown)
    if not (folder / "backup_key").exists():
        _keep(folder / "backup_key", secrets.token_hex(32), os.getuid(), chown=chown)
    for name in ("alert_webhook_url", "slack_webhook_url", "dead_mans_switch_url"):
        if not (folder / name).exists():
            _keep(folder / name, UNSET, NOBODY, chown=chown)
    _certify(folder, names, chown=chown)


def _files(passwords: Mapping[str, str]) -> Mapping[str, tuple[str, int]]:
    """Name to content and reader."""

    def url(user: str) -> str:
        return f"postgresql://{user}:{passwords[user]}@postgres/taxi"

    def pgpass(user: str) -> str:
        return f"postgres:5432:*:{user}:{passwords[user]}"

    roles = ("taxi_owner", "taxi_app", "taxi_dashboard", "mlflow", "taxi_exporter")
    return {
        "postgres_password": (passwords["postgres"], DATABASE),
        "postgres_pgpass": (pgpass("postgres"), DATABASE),
        "postgres_roles": ("\n".join(f"\\set {role} {passwords[role]}" for role in roles), DATABASE),
        "owner_url": (url("taxi_owner"), TAXI),
        "app_url": (url("taxi_app"), TAXI),
        "dashboard_url": (url("taxi_dashboard"), TAXI),
        "mlflow_pgpass": (pgpass("mlflow"), TAXI),
        "exporter_password": (passwords["taxi_exporter"], NOBODY),
        "redis_acl": (f"user default off\nuser taxi on >{passwords['redis']} ~* &* +@all -@admin", REDIS),
        "redis_url": (f"redis://taxi:{passwords['redis']}@redis:6379/0", TAXI),
        "redis_exporter": (json.dumps({"redis://redis:6379": passwords["redis"]}), NOBODY),
        "grafana_password": (passwords["grafana"], GRAFANA),
    }


def _keep(path: Path, text: str, uid: int, *, chown: bool) -> None:
    content = f"{text}\n"
    if not path.exists() or path.read_text() != content:
        draft = path.with_name(f".{path.name}")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(content)
        draft.replace(path)
    path.chmod(0o400 if uid != os.getuid() else 0o600)
    if chown:
        os.chown(path, uid, uid)


def _certify(folder: Path, names: Sequence[str], *, chown: bool) -> None:
    """Take the certificate that was given, or make one that says *names* and lasts a while longer."""
    given = folder.parent / "tls"
    certificate, key = folder / "tls_certificate", folder / "tls_key"
    if (given / "fullchain.pem").exists():
        _keep(certificate, (given / "fullchain.pem").read_text().rstrip("\n"), NGINX, chown=chown)
        _keep(key, (given / "privkey.pem").read_text().rstrip("\n"), NGINX, chown=chown)
    elif not _is_good(certificate, names):
        made, made_key = folder / ".certificate", folder / ".key"
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"),
            *("-days", str(DAYS), "-subj", f"/CN={names[0]}", "-keyout", str(made_key), "-out", str(made)),
            *("-addext", f"subjectAltName={','.join(f'DNS:{name}' for name in names)}"),
        )
        _keep(certificate, made.read_text().rstrip("\n"), NGINX, chown=chown)
        _keep(key, made_key.read_text().rstrip("\n"), NGINX, chown=chown)
        made.unlink()
        made_key.unlink()
    public = folder.parent / "certificate.pem"
    shutil.copyfile(certificate, public)
    public.chmod(0o644)


def _is_good(certificate: Path, names: Sequence[str]) -> bool:
    if not certificate.exists():
        return False
    checks = [["-checkend", str(SOON_S)], *(["-checkhost", name] for name in names)]
    answers = [_openssl("x509", "-noout", "-in", str(certificate), *check) for check in checks]
    return not any("will expire" in answer or "does NOT match" in answer for answer in answers)


def _openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)  # ours
    if done.returncode and "-checkend" not in arguments:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def main(folder: str, *names: str) -> None:
    make_secrets(Path(folder), names)


if __name__ == "__main__":
    main(*sys.argv[1:])
