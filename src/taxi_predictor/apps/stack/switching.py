"""From one colour to the other without losing a request, and back where the other is no good."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from taxi_predictor.apps.stack.bake import bake, traffic_of
from taxi_predictor.apps.stack.door import Door, NoAnswer
from taxi_predictor.apps.stack.engine import Compose, other, say
from taxi_predictor.apps.stack.formats import released, see_compatible
from taxi_predictor.apps.stack.layout import Layout, StackError
from taxi_predictor.apps.stack.smoke import compare_colours, erase_smoke, smoke_api, smoke_key, wait_ready
from taxi_predictor.apps.stack.state import Deploying, State, now, save_state

__all__ = ["READY_WITHIN_S", "Switching", "live_colour", "set_live"]

READY_WITHIN_S = 180.0
BEFORE_S = 60.0
"""How much of the old colour's past is looked at to know how fast it was."""
LINGER_S = 2.0
"""A request that looked at the flag right before the switch is on its way by then."""


def live_colour(layout: Layout) -> str:
    return "green" if layout.flag.exists() else "blue"


def set_live(layout: Layout, colour: str) -> None:
    """Let nginx send what comes from now on to *colour*: one step, and no connection is cut."""
    if colour == "green":
        layout.flag.touch()
    else:
        layout.flag.unlink(missing_ok=True)


class Switching:
    """One deployment, in phases that each may be done again."""

    def __init__(self, layout: Layout, state: State) -> None:
        self._layout = layout
        self._state = state
        self._switched_at: float | None = None

    @property
    def phases(self) -> dict[str, Callable[[Deploying], None]]:
        return {
            "preflight": self._preflight,
            "migrate": self._migrate,
            "start": self._start,
            "ready": self._ready,
            "smoke": self._smoke,
            "compare": self._compare,
            "switch": self._switch,
            "bake": self._bake,
            "drain": self._drain,
        }

    def deploy(self, version: str, *, is_rollback: bool = False) -> None:
        """Make *version* live, or leave everything as it was; go on where an interrupted one stopped.

        Raises:
            StackError: it is no good, and the former colour is live; or another one was interrupted.
        """
        former = self._state.deploying
        if former is not None and former.version != version:
            raise StackError(
                f"the deployment of {former.version} was interrupted at {former.phase}: go on with"
                f" `make deploy VERSION={former.version}`, or undo it with `make rollback`"
            )
        names = list(self.phases)
        first = 0
        if former is not None:
            is_live = live_colour(self._layout) == former.colour
            # Before the switch all is done again; what is live is watched from the beginning.
            first = names.index("drain" if former.phase == "drain" else "bake") if is_live else 0
            say(f"going on with {version} at {names[first]}")
        idle = former.colour if former else other(live_colour(self._layout))
        deploying = former or Deploying(
            version=version, colour=idle, phase=names[first], began_at=now(), is_rollback=is_rollback
        )
        try:
            for name in names[first:]:
                deploying = replace(deploying, phase=name)
                self._state.deploying = deploying
                save_state(self._layout, self._state)
                say(f"{name} ({deploying.colour}, {version})")
                self.phases[name](deploying)
        except StackError as error:
            self.undo(str(error))
            raise
        self._state.deploying = None
        self._state.remember("rolled back to" if is_rollback else "deployed", version)
        save_state(self._layout, self._state)

    def undo(self, reason: str) -> None:
        """Let the former colour serve again, and stop the other; it has been running all the time."""
        deploying = self._state.deploying
        assert deploying is not None
        former = other(deploying.colour)
        if deploying.phase == "drain":  # it may have been stopped already
            self._compose().run("--profile", former, "up", "-d", "--no-deps", f"api-{former}")
            wait_ready(self._door(former), within_s=READY_WITHIN_S, still_there=lambda: None)
        set_live(self._layout, former)
        time.sleep(LINGER_S)
        self._compose().run("stop", f"api-{deploying.colour}", check=False)
        self._state.deploying = None
        self._state.remember("undone", deploying.version, reason)
        save_state(self._layout, self._state)
        say(f"{former} serves, as before: {reason.splitlines()[0]}")

    def _compose(self) -> Compose:
        versions = self._state.variables()
        if self._state.deploying is not None:
            versions["VERSION"] = self._state.deploying.version
        return Compose(self._layout, versions, self._state.overlays)

    def _door(self, colour: str) -> Door:
        port = "HTTPS_PORT" if live_colour(self._layout) == colour else "PREVIEW_PORT"
        return Door.of(self._layout, port=port)

    def _see_running(self, colour: str) -> None:
        found = self._compose().container(f"api-{colour}")
        if found is None or found["State"] != "running":
            last = "; ".join(self._compose().log(f"api-{colour}", "--tail", "5"))
            raise StackError(f"api-{colour} is {found['State'] if found else 'gone'}: {last}")

    def _preflight(self, deploying: Deploying) -> None:
        compose = self._compose()
        for target in ("api", *self._layout.faces.values()):
            self._have_image(compose, target, deploying.version)
        live = live_colour(self._layout)
        self._see_running(live)
        wait_ready(self._door(live), within_s=5, still_there=lambda: None)
        one, two = released(compose, self._state.versions[live]), released(compose, deploying.version)
        # Back to what served before, the schema is the newer one's, made so that both can live with it.
        see_compatible(two, one) if deploying.is_rollback else see_compatible(one, two)
        say(f"  {two.code} can follow {one.code}")

    def _have_image(self, compose: Compose, target: str, version: str) -> None:
        image = compose.image(target, version)
        if compose.has_image(image):
            return
        say(f"  fetching {image}")
        try:
            compose.docker("pull", "--quiet", image)
        except StackError as error:
            raise StackError(
                f"there is no image {image}: `make build VERSION={version}` makes it ({error})"
            ) from error

    def _migrate(self, deploying: Deploying) -> None:
        if deploying.is_rollback:
            say("  the schema stays: it serves both")
            return
        told = self._compose().run("run", "--rm", "--no-deps", "-T", "migrate")
        say("\n".join(f"  {line}" for line in told.splitlines()))

    def _start(self, deploying: Deploying) -> None:
        self._state.versions[deploying.colour] = deploying.version
        save_state(self._layout, self._state)
        service = f"api-{deploying.colour}"
        self._compose().run(
            "--profile", deploying.colour, "up", "-d", "--no-deps", "--force-recreate", service
        )

    def _ready(self, deploying: Deploying) -> None:
        colour = deploying.colour
        answer = wait_ready(
            self._door(colour), within_s=READY_WITHIN_S, still_there=lambda: self._see_running(colour)
        )
        said = answer.json()
        say(f"  {said['source']}, version {said['version']}")

    def _smoke(self, deploying: Deploying) -> None:
        smoke_api(self._door(deploying.colour), self._layout, smoke_key(self._layout, self._compose()))

    def _compare(self, deploying: Deploying) -> None:
        live, idle = self._door(other(deploying.colour)), self._door(deploying.colour)
        compare_colours(live, idle, self._layout, smoke_key(self._layout, self._compose()))

    def _switch(self, deploying: Deploying) -> None:
        set_live(self._layout, deploying.colour)
        self._switched_at = time.time()

    def _bake(self, deploying: Deploying) -> None:
        since = self._switched_at or time.time()
        before = traffic_of(self._log(since - BEFORE_S, since), other(deploying.colour))
        door = self._door(deploying.colour)

        def still_well() -> None:
            try:
                answer = door.ask("GET", "/health/ready")
            except NoAnswer as error:
                raise StackError(str(error)) from error
            if answer.status != 200:
                raise StackError(f"{deploying.colour} is not ready any more: {answer}")

        bake(
            deploying.colour,
            before,
            for_s=float(self._layout.get("BAKE_S")),
            log=lambda: self._log(since),
            still_well=still_well,
        )

    def _log(self, since: float, until: float | None = None) -> Iterable[str]:
        window = ["--since", f"{since:.3f}", *(["--until", f"{until:.3f}"] if until else [])]
        return self._compose().log("nginx", *window)

    def _drain(self, deploying: Deploying) -> None:
        former = other(deploying.colour)
        time.sleep(LINGER_S)
        # It finishes what it has begun and ships its last records; its container stays for a rollback.
        self._compose().run("--profile", former, "stop", f"api-{former}")
        self._state.former = self._state.versions.get(former)
        for face in self._layout.faces:
            self._compose().run("--profile", face, "up", "-d", "--no-deps", face)
        erase_smoke(self._compose())
