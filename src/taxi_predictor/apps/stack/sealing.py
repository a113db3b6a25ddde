"""Encrypt, decrypt and check a backup: ``python -m taxi_predictor.apps.stack.sealing DEED FOLDER``.

It runs in a container that has the key as /key and no network. Files are compressed, then encrypted with
AES-256 (CTR, a key of PBKDF2 with a salt of its own each); what they should be stands with their sha256 in
a manifest that carries an HMAC of the same key, so that a changed file is found before it is decrypted.
"""

import hashlib
import hmac
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

__all__ = ["SealBroken", "check", "main", "seal", "sign", "unseal"]

MANIFEST = "manifest.json"
SEAL = "manifest.hmac"
SUFFIX = ".gz.enc"
CIPHER = ("enc", "-aes-256-ctr", "-pbkdf2", "-iter", "100000", "-salt")
BLOCK = 1 << 20


class SealBroken(Exception):
    """A backup is not what was made."""


def seal(source: BinaryIO, folder: Path, name: str, key: Path) -> None:
    """Keep what *source* says as *name* in *folder*; the file is there whole or not at all."""
    draft = folder / f".{name}{SUFFIX}"
    with draft.open("wb") as file:
        gzip = subprocess.Popen(["gzip", "-1"], stdin=source, stdout=subprocess.PIPE)
        openssl = subprocess.Popen(
            ["openssl", *CIPHER, "-pass", f"file:{key}"], stdin=gzip.stdout, stdout=file
        )
        assert gzip.stdout is not None
        gzip.stdout.close()
        codes = openssl.wait(), gzip.wait()
        os.fsync(file.fileno())
    if any(codes):
        raise SealBroken(f"{name} could not be written")
    draft.replace(folder / f"{name}{SUFFIX}")


def unseal(folder: Path, name: str, key: Path, target: BinaryIO) -> None:
    """Write to *target* what was sealed as *name*; :func:`check` comes first."""
    with (folder / f"{name}{SUFFIX}").open("rb") as file:
        openssl = subprocess.Popen(
            ["openssl", *CIPHER, "-d", "-pass", f"file:{key}"],
            stdin=file,
            stdout=subprocess.PIPE,
        )
        gzip = subprocess.Popen(["gzip", "-dc"], stdin=openssl.stdout, stdout=target)
        assert openssl.stdout is not None
        openssl.stdout.close()
        codes = gzip.wait(), openssl.wait()
    if any(codes):
        raise SealBroken(f"{name} could not be read: is this the key that it was made with?")


def sign(folder: Path, key: Path, **facts: str) -> None:
    """Write down what *folder* holds, and *facts* of it, so that nobody changes either unnoticed."""
    files = {path.name: _digest(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}
    content = json.dumps({"files": files, **facts}, indent=1).encode()
    (folder / MANIFEST).write_bytes(content)
    (folder / SEAL).write_text(_seal(content, key))


def check(folder: Path, key: Path) -> dict[str, str]:
    """See that *folder* is as it was signed, and return the facts.

    Raises:
        SealBroken: something is missing, changed, or signed by another key.
    """
    try:
        content, seal = (folder / MANIFEST).read_bytes(), (folder / SEAL).read_text().strip()
    except OSError as error:
        raise SealBroken(f"this is no whole backup: {error}") from error
    if not hmac.compare_digest(seal, _seal(content, key)):
        raise SealBroken("the manifest was changed, or was made with another key")
    facts: dict[str, str] = json.loads(content)
    files: dict[str, str] = facts.pop("files")  # type: ignore[assignment]
    for name, expected in files.items():
        if not (folder / name).exists():
            raise SealBroken(f"{name} is missing")
        if _digest(folder / name) != expected:
            raise SealBroken(f"{name} is damaged: its sha256 is not the one that was signed")
    return facts


def _seal(content: bytes, key: Path) -> str:
    # Another key than the one that encrypts, of the same secret.
    secret = hashlib.sha256(b"manifest:" + key.read_bytes().strip()).digest()
    return hmac.new(secret, content, hashlib.sha256).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(deed: str, folder: str, *arguments: str) -> None:
    where, key = Path(folder), Path("/key")
    try:
        match deed:
            case "seal":
                where.mkdir(parents=True, exist_ok=True)
                seal(sys.stdin.buffer, where, arguments[0], key)
            case "unseal":
                unseal(where, arguments[0], key, sys.stdout.buffer)
            case "sign":
                sign(where, key, **dict(fact.split("=", 1) for fact in arguments))
            case "check":
                sys.stdout.write(json.dumps(check(where, key)))
            case _:
                sys.exit(f"{deed}: seal, unseal, sign or check")
    except SealBroken as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
