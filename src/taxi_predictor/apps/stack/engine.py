"""``docker compose`` for this stack, and what is told on the way."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["COLOURS", "Compose", "other", "say"]

COLOURS = ("blue", "green")


def other(colour: str) -> str:
    return COLOURS[1 - COLOURS.index(colour)]


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Compose:
    """The project of *layout*, with the versions of both colours that *versions* names."""

    def __init__(
        self,
        layout: Layout,
        versions: Mapping[str, str],
        overlays: Sequence[str] = (),
        *,
        project: str | None = None,
    ) -> None:
        self._layout = layout
        self.version = versions.get("VERSION", "")
        files = ["compose.yaml", *(f"deploy/compose.{name}.yaml" for name in overlays)]
        self._command = [
            *("docker", "compose", "--project-directory", str(layout.root), "--env-file", str(layout.env)),
            *(part for file in files for part in ("-f", str(layout.root / file))),
        ]
        if project is not None:
            versions = {**versions, "STACK_NAME": project}
        known = {"STATE": str(layout.state), "MLFLOW_VERSION": layout.mlflow_version}
        self._environment = {**os.environ, **known, **versions}

    def run(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run ``docker compose`` with *arguments* and return what it printed.

        Raises:
            StackError: it failed; the message has the end of what it complained about.
        """
        return _run([*self._command, *arguments], self._environment, stdin, check=check)

    def show(self, *arguments: str) -> int:
        """Run it for a person, who sees and may interrupt it; return its exit code."""
        return subprocess.call([*self._command, *arguments], env=self._environment)  # docker's

    def docker(self, *arguments: str, check: bool = True, both: bool = False) -> str:
        """Run ``docker`` itself; *both*: return what it complained about, too."""
        return _run(["docker", *arguments], self._environment, None, check=check, both=both)

    def pipe(self, source: Sequence[str], target: Sequence[str]) -> None:
        """Let what ``docker`` with *source* prints be what ``docker`` with *target* reads.

        An argument ``compose`` at their beginning stands for this project's.

        Raises:
            StackError: one of them failed.
        """
        one, two = (
            [*self._command, *words[1:]] if words[0] == "compose" else ["docker", *words]
            for words in (source, target)
        )
        with (
            subprocess.Popen(
                one, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
            ) as reader,
            subprocess.Popen(two, env=self._environment, stdin=reader.stdout) as writer,
        ):
            assert reader.stdout is not None
            reader.stdout.close()  # so that the one hears when the other has left
            codes = writer.wait(), reader.wait()
        if any(codes):
            raise StackError(f"`{' '.join(source[-4:])}` into `{' '.join(target[-4:])}` failed")

    def image(self, target: str, version: str) -> str:
        """The image of *target* at *version* of ours; that of MLflow has a version of its own."""
        version = self._layout.mlflow_version if target == "mlflow" else version
        return f"{self._layout.get('IMAGE_PREFIX')}/{target}:{version}"

    def has_image(self, name: str) -> bool:
        return bool(self.docker("image", "ls", "--quiet", name))

    def containers(self) -> Sequence[Mapping[str, Any]]:
        """All of the project, with Service, State, Health and more; also those that have ended."""
        lines = self.run("--profile", "*", "ps", "--all", "--format", "json").splitlines()
        return [json.loads(line) for line in lines if line]

    def container(self, service: str) -> Mapping[str, Any] | None:
        return next((one for one in self.containers() if one["Service"] == service), None)

    def log(self, service: str, *window: str) -> Sequence[str]:
        """What *service* wrote to its standard output and error, a line each."""
        # Not by compose, which sends codes of terminals along.
        found = self.run("--profile", "*", "ps", "--all", "--quiet", service).split()
        return self.docker("logs", *window, found[0], both=True).splitlines() if found else []

    def owner(self, *arguments: str) -> str:
        """Run a command of the project as the owner of the database, in a container of its own."""
        return self.run("--profile", "owner", "run", "--rm", "--no-deps", "-T", "owner", *arguments)


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    stdin: str | None,
    *,
    check: bool,
    both: bool = False,
) -> str:
    done = subprocess.run(  # docker's
        command, env=environment, input=stdin or "", capture_output=True, text=True
    )
    if check and done.returncode:
        told = "\n".join(done.stderr.strip().splitlines()[-12:])
        raise StackError(f"`{' '.join(command[:2])} ... {' '.join(command[-4:])}` failed:\n{told}")
    return done.stdout + done.stderr if both else done.stdout
