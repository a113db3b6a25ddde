"""The pages of the documentation: and the blocks in them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PAGES", "README", "ROOT", "SHELLS", "Block", "blocks", "name_of"]

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [
    README,
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md")),
]
SHELLS = ("bash", "console")
"""Languages of the blocks that a shell runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    comment: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def told(self, word: str) -> str | None:
        """What the comment says after *word*, or None where it says something else."""
        kind, _, rest = self.comment.partition(":")
        return rest.strip() if kind.strip() == word else None


def blocks(page: Path) -> Iterator[Block]:
    language, start, inside, before = "", 0, [], ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        if not line.startswith("```"):
            if start:
                inside.append(line)
            elif line.strip():
                before = line.strip()
        elif not start:
            start, language, inside = number, line[3:].strip(), []
        else:
            comment = re.fullmatch(r"<!-- (.+) -->", before)
            yield Block(
                page=page,
                line=start,
                language=language,
                text="\n".join(inside),
                comment=comment[1] if comment else "",
            )
            start, before = 0, ""
    assert not start, f"{page}:{start}: a block that does not end"


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))
