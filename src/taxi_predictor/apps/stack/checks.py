"""What to look at before a release and after one, each with a yes or a no."""

import json
import shutil
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from taxi_predictor.apps.stack.backups import Backups
from taxi_predictor.apps.stack.bake import MAX_FAILED, MAX_P95_S, traffic_of
from taxi_predictor.apps.stack.door import Door, NoAnswer
from taxi_predictor.apps.stack.engine import Compose, say
from taxi_predictor.apps.stack.formats import released, see_compatible
from taxi_predictor.apps.stack.layout import Layout, StackError
from taxi_predictor.apps.stack.state import State

__all__ = ["after", "before", "see_all", "see_targets"]

Check = Callable[[], str]
"""Says what it found, or raises StackError."""

FREE_SHARE = 0.1
CERTIFICATE_DAYS = 14
BACKUP_HOURS = 26
LOOK_BACK_S = 600.0


def see_all(checks: Mapping[str, Check]) -> None:
    """Make every one of *checks* and tell how it went.

    Raises:
        StackError: some found fault; it names them.
    """
    faults = []
    for name, check in checks.items():
        try:
            say(f"ok  {name}: {check()}")
        except (StackError, NoAnswer) as error:
            faults.append(name)
            say(f"NO  {name}: {error}")
    if faults:
        raise StackError(f"{len(faults)} of {len(checks)} found fault: {', '.join(faults)}")


def before(layout: Layout, state: State, compose: Compose, live: str, version: str) -> Mapping[str, Check]:
    """What has to be so before *version* is deployed (empty: before anything is)."""
    checks: dict[str, Check] = {
        "nothing is on its way": lambda: _nothing_on_its_way(state),
        "the live colour is ready": lambda: _ready(layout),
        "every service is well": lambda: see_services(compose.containers(), live),
        "room on the disk": lambda: _room(layout),
        "the certificate holds": lambda: _certificate(layout),
        "a backup is there": lambda: _backup(layout, state, compose, live),
    }
    if version:
        checks[f"{version} may follow"] = lambda: _may_follow(state, compose, live, version)
    return checks


def after(layout: Layout, compose: Compose, live: str) -> Mapping[str, Check]:
    """What has to be so after a release."""
    return {
        "the live colour is ready": lambda: _ready(layout),
        "every service is well": lambda: see_services(compose.containers(), live),
        "requests go well": lambda: _traffic(compose, live),
        "nobody was restarted": lambda: _restarts(compose),
        "the certificate holds": lambda: _certificate(layout),
        "who watches sees all": lambda: _targets(compose),
    }


def _nothing_on_its_way(state: State) -> str:
    if state.deploying is not None:
        raise StackError(f"{state.deploying.version} is, at {state.deploying.phase}")
    return "no deployment is"


def _ready(layout: Layout) -> str:
    answer = Door.of(layout).ask("GET", "/health/ready")
    if answer.status != 200:
        raise StackError(str(answer))
    said = answer.json()
    if said["source"] != "champion":
        raise StackError(f"{said['source']} stands in for the champion: {said['degraded']}")
    return f"version {said['version']} answers"


def see_services(containers: Sequence[Mapping[str, Any]], live: str) -> str:
    """See that each of *containers*, as the engine lists them, is well; the colour that idles need not.

    Raises:
        StackError: one is unhealthy or not yet healthy, ended badly, hangs, or is started again and again.
    """
    idle = {"api-blue", "api-green"} - {f"api-{live}"}
    found = [one for one in containers if one["Service"] not in idle]
    sick = [
        f"{one['Service']} ({one['Status']})"
        for one in found
        if one["Health"] not in ("healthy", "")
        or (one["State"] != "running" and one["ExitCode"])
        or one["State"] in ("restarting", "paused", "dead")
    ]
    if sick:
        raise StackError(", ".join(sick))
    return f"{len(found)} are"


def _room(layout: Layout) -> str:
    usage = shutil.disk_usage(layout.state)
    if usage.free < FREE_SHARE * usage.total:
        raise StackError(f"{usage.free / 1e9:.1f} GB are free, less than {FREE_SHARE:.0%}")
    return f"{usage.free / 1e9:.0f} GB are free"


def _certificate(layout: Layout) -> str:
    door = Door.of(layout)
    until = ssl.cert_time_to_seconds(str(door.certificate()["notAfter"]))
    days = (until - time.time()) / 86400
    if days < CERTIFICATE_DAYS:
        raise StackError(f"it ends in {days:.0f} days")
    return f"for {days:.0f} days"


def _backup(layout: Layout, state: State, compose: Compose, live: str) -> str:
    backups = Backups(layout, state.versions[live])
    if not backups.sets():
        raise StackError("there is none: make backup")
    newest = backups.sets()[-1]
    backups.check(compose, newest)
    hours = backups.age_s(newest) / 3600
    if hours > BACKUP_HOURS:
        raise StackError(f"the newest is {hours:.0f} hours old: make backup")
    return f"{newest}, whole, {hours:.1f} hours old"


def _may_follow(state: State, compose: Compose, live: str, version: str) -> str:
    if not compose.has_image(compose.image("api", version)):
        raise StackError(f"there is no image {compose.image('api', version)} on this machine")
    see_compatible(released(compose, state.versions[live]), released(compose, version))
    return "formats and schema suit both"


def _traffic(compose: Compose, live: str) -> str:
    traffic = traffic_of(compose.log("nginx", "--since", f"{time.time() - LOOK_BACK_S:.0f}"), live)
    if traffic.failed_share > MAX_FAILED or traffic.p95_s > MAX_P95_S:
        raise StackError(str(traffic))
    return str(traffic)


def _restarts(compose: Compose) -> str:
    names = [str(one["ID"]) for one in compose.containers() if one["State"] == "running"]
    told = compose.docker("inspect", "--format", "{{.RestartCount}} {{.State.OOMKilled}} {{.Name}}", *names)
    return see_restarts(told.splitlines())


def see_restarts(told: Sequence[str]) -> str:
    """See in lines of restarts, whether memory ran out, and name, that nobody was restarted.

    Raises:
        StackError: somebody was, or had no memory left.
    """
    restarted = [line for line in told if not line.startswith("0 false")]
    if restarted:
        raise StackError("; ".join(restarted))
    return f"none of {len(told)}"


def _targets(compose: Compose) -> str:
    if compose.container("prometheus") is None:
        return "nobody watches: make up PROFILE=observability"
    query = ("promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", "up")
    found = compose.run("exec", "-T", "prometheus", *query)
    return see_targets(json.loads(found))


def see_targets(up: Sequence[Mapping[str, Any]]) -> str:
    """See that every job of *up*, the samples of that name, has been seen; of the API one colour is enough.

    Raises:
        StackError: some were not.
    """
    seen: dict[str, list[bool]] = {}
    for sample in up:
        seen.setdefault(sample["metric"]["job"], []).append(sample["value"][1] == "1")
    down = [job for job, ups in seen.items() if not (any(ups) if job == "api" else all(ups))]
    if down or "api" not in seen:
        raise StackError(f"not seen: {', '.join(sorted(down)) or 'the API'}")
    return f"{sum(map(sum, seen.values()))} of {len(up)} targets, all {len(seen)} jobs"
