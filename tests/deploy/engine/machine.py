"""A stack of its own for tests: a project, a state and ports that nobody else has."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from deploy.engine.load import Counted, put_under_load
from local_ports import free_port
from taxi_predictor.apps.stack.engine import Compose
from taxi_predictor.apps.stack.layout import Layout, read_env
from taxi_predictor.apps.stack.state import load_state
from taxi_predictor.apps.stack.switching import live_colour
from waiting import until

__all__ = ["ROOT", "Machine"]

ROOT = Path(__file__).parents[3]
STANDINS = ROOT / "tests" / "deploy" / "standins"


KEYS_EVERY_S = 1
RELEASED = ("api", "jobs", "dashboard")
"""The images of a release; that of MLflow has a version of its own."""
TROUBLE = re.compile(r'"level":"(error|critical)"|"status":5|Traceback|ERROR|FATAL|PANIC')


class Machine:
    """*faces*: what runs beside the API; *watchers*: stand-ins for those who watch are made, too."""

    def __init__(
        self,
        state: Path,
        *,
        name: str = "taxi-verify",
        faces: str = "monitor dashboard",
        watchers: bool = True,
    ) -> None:
        self.state, self.name = state, name
        state.mkdir(exist_ok=True)
        self._loops: list[str] = []
        if not (state / "env").exists():
            (state / "env").write_text(f"TAXI_API_KEYS_EVERY_S={KEYS_EVERY_S}\n")
        self._environment = {
            **os.environ,
            **self._images(watchers=watchers),
            "FACES": faces,
            "STATE": str(state),
            "STACK_NAME": name,
            "BAKE_S": "8",
            "BACKUP_FOLDER": str(state / "backups"),
            "EDGE_REQUESTS_PER_S": "1000",
            "TAXI_DASHBOARD_OPEN": "true",  # a browser looks at its pages
            "PYTHONPATH": str(ROOT / "src"),
            **self._ports(),
        }
        os.environ.update(self._environment)  # so that what runs here sees the same stack
        self.layout = Layout(ROOT, state)

    def _ports(self) -> Mapping[str, str]:
        """Free ones, the same again where somebody goes on with this stack."""
        kept = self.state / "ports"
        if not kept.exists():
            names = ("HTTP_PORT", "HTTPS_PORT", "PREVIEW_PORT")
            kept.write_text("".join(f"{name}={free_port()}\n" for name in names))
        return read_env(kept)

    def _images(self, *, watchers: bool) -> Mapping[str, str]:
        """Stand-ins where their base is, else those of upstream; none is there of Grafana and a collector."""
        base = ["docker", "image", "inspect", "localhost/python-standin", "localhost/debian-base:bookworm"]
        if subprocess.run(base, capture_output=True).returncode:
            return {}
        wanted = [] if watchers else ["postgres", "nginx", "redis"]
        subprocess.run([str(STANDINS / "build"), *wanted], check=True, capture_output=True)
        # Debian's Alertmanager, 0.25, wants addresses where 0.26 takes the names of files.
        declared = (ROOT / "deploy" / "alertmanager" / "alertmanager.yml").read_text("utf-8")
        told = self.state / "alertmanager"
        told.mkdir(exist_ok=True)
        text = re.sub(r"(?<=[ -])url_file: \S+", "url: http://127.0.0.1:9/nobody", declared)
        (told / "alertmanager.yml").write_text(text, "utf-8")
        images = read_env(STANDINS / "images.env")
        return {**images, "WATCHERS": "none", "ALERTMANAGER_CONFIG": str(told)}

    def make(self, command: str, *arguments: str, code: int = 0) -> str:
        """What the target of that name runs; return what it told."""
        run = [sys.executable, "-m", "taxi_predictor.apps.stack", command, *arguments]
        done = subprocess.run(run, env=self._environment, capture_output=True, text=True, cwd=ROOT)
        told = done.stdout + done.stderr
        sys.stderr.write(told)
        assert done.returncode == code, told
        return told

    def interrupt(self, command: str, *arguments: str, at: str) -> None:
        """Begin *command* and kill it when it says that it is *at* something."""
        run = [sys.executable, "-m", "taxi_predictor.apps.stack", command, *arguments]
        with subprocess.Popen(
            run, env=self._environment, stderr=subprocess.PIPE, text=True, cwd=ROOT
        ) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith(f"{at} ("):
                    process.kill()
        assert process.returncode == -signal.SIGKILL

    @property
    def compose(self) -> Compose:
        state = load_state(self.layout)
        live = {"VERSION": state.versions.get(live_colour(self.layout), "")}
        return Compose(self.layout, {**live, **state.variables()}, state.overlays)

    def docker(self, *arguments: str) -> str:
        return self.compose.docker(*arguments)

    def psql(self, statement: str, database: str = "taxi") -> str:
        asked = ("exec", "-T", "postgres", "psql", "-U", "postgres", "-qtA", database)
        return self.compose.run(*asked, stdin=statement).strip()

    def troubles(self) -> str:
        """What services said of late that sounds like one, each the last of it."""
        told = []
        for service in sorted({one["Service"] for one in self.compose.containers()}):
            lines = self.compose.log(service, "--since", "3m")
            told += [f"{service}: {line[:4000]}" for line in lines if TROUBLE.search(line)][-20:]
        return "\n".join(told)

    def id_of(self, service: str) -> str:
        found = self.compose.container(service)
        assert found is not None, f"{service} is not there"
        return str(found["ID"])

    def inspect(self, service: str) -> Mapping[str, Any]:
        content: Mapping[str, Any] = json.loads(self.docker("inspect", self.id_of(service)))[0]
        return content

    def forget(self, version: str) -> None:
        """Remove images of *version* that an earlier run may have left: they are of the code of then."""
        names = [self.compose.image(target, version) for target in RELEASED]
        for name in filter(self.compose.has_image, names):
            self.docker("image", "rm", "--force", name)

    def image_like(self, former: str, version: str, line: str) -> None:
        """Images of *version* that are those of *former*, the API's but for *line* of a recipe."""
        for target in (
            target for target in RELEASED if self.compose.has_image(self.compose.image(target, former))
        ):
            self.docker("tag", self.compose.image(target, former), self.compose.image(target, version))
        recipe = self.state / "Containerfile"
        recipe.write_text(f"FROM {self.compose.image('api', former)}\n{line}\n")
        name = self.compose.image("api", version)
        self.docker("build", "-q", "-f", str(recipe), "-t", name, str(self.layout.site))

    def small_volume(self, volume: str, *, mebibytes: int, uid: int) -> None:
        """Let *volume* of the stack be one that can be filled, a file system in a file, before it is made.

        Where this is not root, who alone may do that, it is left as it is, and :meth:`full` skips.
        """
        if os.geteuid() != 0:
            return
        image = self.state / f"{volume}.img"
        with image.open("wb") as file:
            file.truncate(mebibytes << 20)
        subprocess.run(
            ["mkfs.ext4", "-q", "-m", "0", "-E", f"root_owner={uid}:{uid}", str(image)], check=True
        )
        made = subprocess.run(["losetup", "--find", "--show", str(image)], check=True, capture_output=True)
        loop = made.stdout.decode().strip()
        self._loops.append(loop)
        self.docker(
            *("volume", "create", "--opt", "type=ext4", "--opt", f"device={loop}"),
            *(
                "--label",
                f"com.docker.compose.project={self.name}",
                "--label",
                f"com.docker.compose.volume={volume}",
            ),
            f"{self.name}_{volume}",
        )

    @contextmanager
    def full(self, volume: str, *, uid: int) -> Iterator[None]:
        """*volume* has no room for a byte meanwhile."""
        if not self._loops:
            pytest.skip(f"{volume} is as large as the disk: only root may make a small one")

        def run(command: str) -> None:
            self.docker(
                *("run", "--rm", "--network=none", "--user", str(uid), "-v", f"{self.name}_{volume}:/v"),
                *("--entrypoint=sh", self.compose.image("api", self.compose.version), "-c", command),
            )

        run("for size in 4M 64k 4k 1; do dd if=/dev/zero bs=$size >> /v/filler 2>/dev/null; done; true")
        try:
            yield
        finally:
            run("rm /v/filler")

    @contextmanager
    def without_network(self, service: str, network: str) -> Iterator[None]:
        """*service* is cut from *network* meanwhile."""
        one, name = self.id_of(service), f"{self.name}_{network}"
        self.docker("network", "disconnect", name, one)
        try:
            yield
        finally:
            self.docker("network", "connect", "--alias", service, name, one)

    @contextmanager
    def paused(self, service: str) -> Iterator[None]:
        """*service* hangs meanwhile."""
        one = self.id_of(service)
        self.docker("pause", one)
        try:
            yield
        finally:
            self.docker("unpause", one)

    def kill(self, service: str) -> None:
        """As the system does when memory is short; `docker kill` would keep Docker from starting it again."""
        os.kill(int(self.inspect(service)["State"]["Pid"]), signal.SIGKILL)

    def wait_well(self, service: str, *, within_s: float = 90) -> float:
        """Wait until *service* runs and is healthy, and return how long that took."""

        def is_well() -> bool:
            state = self.inspect(service)["State"]
            is_healthy: bool = state.get("Health", {}).get("Status", "healthy") == "healthy"
            return state["Status"] == "running" and is_healthy

        began_s = time.monotonic()
        until(is_well, f"{service} is well", patience_s=within_s, every_s=0.5)
        return time.monotonic() - began_s

    @contextmanager
    def under_load(self, *, per_s: float = 40, once: bool = True) -> Iterator[Counted]:
        """Ask for predictions meanwhile; what is yielded is filled at the end."""
        counted = Counted()
        stop = asyncio.Event()
        loop = asyncio.new_event_loop()
        key = self._load_key()

        async def ask() -> None:
            counted.__dict__.update(
                vars(
                    await put_under_load(
                        self.layout.get("API_NAME"),
                        int(self.layout.get("HTTPS_PORT")),
                        self.layout.certificate,
                        key,
                        per_s=per_s,
                        connections=8,
                        stop=stop,
                        once=once,
                    )
                )
            )

        thread = Thread(target=loop.run_until_complete, args=(ask(),))
        thread.start()
        try:
            yield counted
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join()
            loop.close()

    def _load_key(self) -> str:
        """A key of its own: what is answered to the smoke test is erased again."""
        kept = self.state / "load-key"
        if not kept.exists():
            kept.write_text(self.compose.owner("keys", "create", "load", "--scope", "predict"))
            time.sleep(3 * KEYS_EVERY_S)  # each worker looks for new ones by itself
        return kept.read_text().strip()

    def wait_logged(self, ids: list[str]) -> None:
        """Wait until all of *ids* are in the log; each is there once."""
        until(lambda: self.logged(ids)[1] == len(ids), "all are in the log", every_s=1)
        assert self.logged(ids) == (len(ids), len(ids))

    def logged(self, ids: list[str]) -> tuple[int, int]:
        """How many rows the log has of *ids*, and how many different ones."""
        rows = "\n".join(ids)
        statement = (
            f"create temporary table asked (id uuid);\ncopy asked from stdin;\n{rows}\n\\.\n"
            "select count(*), count(distinct id) from asked join predictions on prediction_id = id;"
        )
        count, distinct = self.psql(statement).split("|")
        return int(count), int(distinct)

    def remove(self) -> None:
        self.make("down", "--volumes")
        for loop in self._loops:
            subprocess.run(["losetup", "--detach", loop], check=True)
        shutil.rmtree(self.state, ignore_errors=True)
