"""Where the tools are that ``make verify-pipeline`` has installed, and a Terraform that asks no registry."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp

import pytest

from pipeline.workflows import ROOT

STUB = Path(__file__).parent / "stub"
VERSION = "6.25.0"
"""Of the provider whose schema the stand-in has."""
TERRAFORM = ROOT / "deploy" / "terraform"


@pytest.fixture(scope="session")
def tools() -> Path:
    return (ROOT / os.environ.get("TOOLS", ".venv/pipeline")).absolute()


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    # The path of a socket may not be long.
    made = Path(mkdtemp(prefix="tf-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def resources() -> list[str]:
    """Every kind of resource and data source that is declared."""
    found: set[str] = set()
    for path in TERRAFORM.rglob("*.tf"):
        text = path.read_text("utf-8")
        found |= set(re.findall(r'^resource "(aws_\w+)"', text, re.MULTILINE))
        found |= {f"data.{name}" for name in re.findall(r'^data "(aws_\w+)"', text, re.MULTILINE)}
    return sorted(found)


@pytest.fixture(scope="session")
def terraform(tools: Path, folder: Path) -> Mapping[str, str]:
    """The environment of a Terraform that takes the stand-in for the provider, from a folder."""
    [wheel] = (tools / "schema").glob("cdktf_cdktf_provider_aws-*.whl")
    schema = folder / "schema.json"
    with schema.open("w") as file:
        subprocess.run(
            [sys.executable, str(STUB / "schema.py"), str(wheel), *resources()], stdout=file, check=True
        )
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    place = folder / "mirror/registry.terraform.io/hashicorp/aws" / VERSION / f"linux_{machine}"
    place.mkdir(parents=True)
    program = place / f"terraform-provider-aws_v{VERSION}"
    program.write_text(
        f"#!/bin/sh\nSTUB_SCHEMA={schema} TMPDIR={folder} exec {tools}/bin/python {STUB}/provider.py\n"
    )
    program.chmod(0o755)
    config = folder / "terraformrc"
    mirror = json.dumps(str(folder / "mirror"))
    config.write_text(f"provider_installation {{\n  filesystem_mirror {{\n    path = {mirror}\n  }}\n}}\n")
    return {
        **os.environ,
        "TF_CLI_CONFIG_FILE": str(config),
        "TF_IN_AUTOMATION": "1",
        "AWS_REGION": "eu-west-1",
        "CHECKPOINT_DISABLE": "1",
    }


@pytest.fixture(scope="session")
def configuration(terraform: Mapping[str, str], folder: Path) -> Path:
    """A copy of ``deploy/``, with its state beside it instead of in S3."""
    copy = folder / "deploy"
    shutil.copytree(ROOT / "deploy", copy, ignore=shutil.ignore_patterns(".terraform*"))
    (copy / "terraform" / "backend.tf").unlink()
    return copy / "terraform"
