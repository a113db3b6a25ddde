"""Files that are whole or not there, whoever reads them meanwhile."""

import os
from pathlib import Path
from uuid import uuid4

__all__ = ["write_whole"]


def write_whole(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Put *content* in the place of the file *path* in one step; its folder is made if it is not there.

    Raises:
        OSError: it cannot be written; the former file stays, and nothing else is left.
    """
    draft = path.with_name(f".{uuid4().hex}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
