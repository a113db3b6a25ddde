"""The commands of the stack, each by the name that ``make`` has for it."""

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from taxi_predictor import __version__
from taxi_predictor.apps.stack.backups import Backups, moment_of
from taxi_predictor.apps.stack.checks import after, before, see_all
from taxi_predictor.apps.stack.door import Door
from taxi_predictor.apps.stack.engine import COLOURS, Compose, say
from taxi_predictor.apps.stack.layout import Layout, StackError
from taxi_predictor.apps.stack.smoke import erase_smoke, smoke_api, smoke_edge, smoke_key, wait_ready
from taxi_predictor.apps.stack.state import State, alone, load_state, save_state
from taxi_predictor.apps.stack.switching import READY_WITHIN_S, Switching, live_colour

__all__ = ["COMMANDS"]

IMAGES = ("api", "jobs", "mlflow")


def up(layout: Layout, arguments: Sequence[str]) -> None:
    """Start all that is not running, from nothing if need be, and wait until it is well."""
    version, overlays = (arguments[0] if arguments else ""), list(arguments[1:])
    layout.prepare()
    with alone(layout):
        state = load_state(layout)
        live = live_colour(layout)
        if version and state.versions.get(live, version) != version:
            raise StackError(f"{state.versions[live]} is live: make deploy VERSION={version} exchanges it")
        state.versions.setdefault(live, version or __version__)
        state.overlays = overlays or state.overlays
        save_state(layout, state)
        compose = _compose(layout, state)
        for target in ("api", "mlflow", *layout.faces.values()):
            if not compose.has_image(compose.image(target, state.versions[live])):
                build(layout, [state.versions[live], target])
        _make_secrets(layout, compose, state.versions[live])
        say(f"starting ({live} is live, {state.versions[live]})")
        # Not --remove-orphans: the other colour may be on its way.
        watchers = layout.get("WATCHERS").split() if state.overlays else []
        profiles = [part for name in (live, *layout.faces, *watchers) for part in ("--profile", name)]
        compose.run(*profiles, "up", "-d", "--wait", "--wait-timeout", "300")
        _tell_edge(layout, state, compose)
        wait_ready(Door.of(layout), within_s=READY_WITHIN_S, still_there=lambda: None)
    say(f"https://{layout.get('API_NAME')}:{layout.get('HTTPS_PORT')}/schema")


def down(layout: Layout, arguments: Sequence[str]) -> None:
    """Stop and remove the containers; data, secrets and settings stay."""
    with alone(layout):
        _compose(layout, load_state(layout)).run("--profile", "*", "down", "--remove-orphans", *arguments)


def build(layout: Layout, arguments: Sequence[str]) -> None:
    """Build the images of VERSION, or those that are named after it."""
    version = arguments[0] if arguments else __version__
    targets = arguments[1:] or tuple(dict.fromkeys((*IMAGES, *layout.faces.values())))
    compose = Compose(layout, {"VERSION": version})
    for target in targets:
        say(f"building {compose.image(target, version)}")
        # By docker itself: what compose builds carries the project's name along.
        compose.docker(
            *("build", "-f", str(layout.root / "Containerfile"), "--target", target),
            *("--build-arg", f"PYTHON_IMAGE={layout.get('PYTHON_IMAGE')}"),
            *("--label", f"org.opencontainers.image.version={version}"),
            *("-t", compose.image(target, version), str(layout.root)),
        )


def deploy(layout: Layout, arguments: Sequence[str]) -> None:
    """Make VERSION live by the other colour, or leave everything as it was."""
    if not arguments or not arguments[0]:
        raise StackError("say which: make deploy VERSION=...")
    with alone(layout):
        Switching(layout, _running(layout)).deploy(arguments[0])


def rollback(layout: Layout, arguments: Sequence[str]) -> None:
    """Undo a deployment that was interrupted, or go back to the version before."""
    with alone(layout):
        state = _running(layout)
        if state.deploying is not None:
            Switching(layout, state).undo("undone by hand")
        elif state.former is None:
            raise StackError("there is no version to go back to: none was live before this one")
        else:
            Switching(layout, state).deploy(state.former, is_rollback=True)


def status(layout: Layout, arguments: Sequence[str]) -> None:
    """Say which colour is live, what runs, and what became of deployments."""
    state, live = load_state(layout), live_colour(layout)
    for colour in COLOURS:
        version = state.versions.get(colour, "never had any")
        say(f"{colour:6} {version:20} {'live' if colour == live else ''}".rstrip())
    if state.deploying is not None:
        new = state.deploying
        say(f"deploying {new.version} as {new.colour} since {new.began_at}: {new.phase}")
    say(f"before: {state.former or 'nothing'}")
    for one in sorted(_compose(layout, state).containers(), key=lambda one: str(one["Service"])):
        say(f"  {one['Service']:18} {one['State']:10} {one['Health'] or ''} {one['Status']}")
    for past in state.past[-5:]:
        say(f"  {past['at']} {past['event']} {past['version']} {past['reason'].partition(chr(10))[0]}")


def smoke(layout: Layout, arguments: Sequence[str]) -> None:
    """Ask the stack a few questions through its door, and erase what that left; or the API at URL."""
    if arguments and arguments[0]:
        _smoke_at(layout, arguments[0])
        return
    state = load_state(layout)
    compose = _compose(layout, state)
    key = smoke_key(layout, compose)
    door = Door.of(layout)
    wait_ready(door, within_s=10, still_there=lambda: None)
    smoke_api(door, layout, key)
    smoke_edge(layout, has_dashboard=compose.container("dashboard") is not None)
    erase_smoke(compose)
    say("well")


def _smoke_at(layout: Layout, url: str) -> None:
    """Ask an API that is elsewhere, by the key in SMOKE_KEY; what that leaves is erased by its owner."""
    key = os.environ.get("SMOKE_KEY", "")
    if not key:
        raise StackError(
            "give a key in SMOKE_KEY: `keys create smoke --scope predict --scope outcomes` makes one"
        )
    door = Door.at(url)
    wait_ready(door, within_s=60, still_there=lambda: None)
    smoke_api(door, layout, key)
    say("well")


def backup(layout: Layout, arguments: Sequence[str]) -> None:
    """Keep database, registry and artifacts as one encrypted set; the oldest goes when there are too many."""
    with alone(layout):
        state = _running(layout)
        name = Backups(layout, _live(layout, state)).make(_compose(layout, state))
        say(f"backup {name} is made and checked")


def restore(layout: Layout, arguments: Sequence[str]) -> None:
    """Bring back the set BACKUP, the database TO a later moment if that is given; then start all again."""
    if not arguments or not arguments[0]:
        raise StackError("say which: make restore BACKUP=...")
    layout.prepare()
    with alone(layout):
        state = load_state(layout)
        version, compose = _live(layout, state), _compose(layout, state)
        if not compose.has_image(compose.image("api", version)):
            build(layout, [version, "api", "mlflow"])
        _make_secrets(layout, compose, version)
        backups = Backups(layout, version)
        backups.check(compose, arguments[0])
        to = moment_of(arguments[1]) if len(arguments) > 1 and arguments[1] else ""
        if to and compose.container("postgres") is not None:
            backups.archive_all(compose)
        compose.run("--profile", "*", "down", "--remove-orphans")
        backups.restore(compose, arguments[0], to=to)
    up(layout, ["", *state.overlays])


def backup_verify(layout: Layout, arguments: Sequence[str]) -> None:
    """Bring the newest set, or BACKUP, back elsewhere and let its models answer its predictions again."""
    state = load_state(layout)
    version = _live(layout, state)
    backups = Backups(layout, version)
    name = (arguments[0] if arguments else "") or next(iter(backups.sets()[-1:]), "")
    elsewhere = Compose(layout, {"VERSION": version}, project=f"{layout.get('STACK_NAME')}-verify")
    backups.verify(elsewhere, name)
    say(f"backup {name} comes back, and answers as it did")


def preflight(layout: Layout, arguments: Sequence[str]) -> None:
    """See whether all is as it should be before VERSION is deployed."""
    state = _running(layout)
    version = arguments[0] if arguments else ""
    see_all(before(layout, state, _compose(layout, state), live_colour(layout), version))


def postflight(layout: Layout, arguments: Sequence[str]) -> None:
    """See whether all is as it should be after a deployment, and ask a few questions."""
    state = _running(layout)
    see_all(after(layout, _compose(layout, state), live_colour(layout)))
    smoke(layout, arguments)


def compose_command(layout: Layout, arguments: Sequence[str]) -> None:
    """Run `docker compose` with what comes after, for this stack."""
    raise SystemExit(_compose(layout, load_state(layout)).show("--profile", "*", *arguments))


def owner(layout: Layout, arguments: Sequence[str]) -> None:
    """Run a command of taxi-predictor as the owner of the database: keys, prune, erase, journal."""
    _person(layout, "owner", arguments)


def job(layout: Layout, arguments: Sequence[str]) -> None:
    """Run a command of taxi-predictor with all that trains: ingest, train, promote."""
    _person(layout, "jobs", arguments)


def _person(layout: Layout, service: str, arguments: Sequence[str]) -> None:
    compose = _compose(layout, load_state(layout))
    raise SystemExit(compose.show("--profile", service, "run", "--rm", "--no-deps", service, *arguments))


def _compose(layout: Layout, state: State) -> Compose:
    return Compose(layout, {"VERSION": _live(layout, state), **state.variables()}, state.overlays)


def _live(layout: Layout, state: State) -> str:
    return state.versions.get(live_colour(layout), __version__)


def _running(layout: Layout) -> State:
    state = load_state(layout)
    if live_colour(layout) not in state.versions:
        raise StackError("nothing is live yet: begin with `make up`")
    return state


def _make_secrets(layout: Layout, compose: Compose, version: str) -> None:
    compose.docker(
        *("run", "--rm", "--network=none", "--user=0", "--security-opt=no-new-privileges", "--cap-drop=ALL"),
        *("--cap-add=CHOWN", "--cap-add=DAC_OVERRIDE", "--cap-add=FOWNER", "-v", f"{layout.state}:/state"),
        *("--entrypoint=python", compose.image("api", version), "-m", "taxi_predictor.apps.stack.secrets"),
        *("/state/secrets", layout.get("API_NAME"), layout.get("DASHBOARD_NAME")),
    )


def _tell_edge(layout: Layout, state: State, compose: Compose) -> None:
    """Have nginx read its files again where they have changed; if it cannot, it goes on with the old ones."""
    digest = sha256()
    for folder in (layout.root / "deploy" / "nginx", layout.site):
        for path in sorted(folder.glob("*.conf")):
            digest.update(path.read_bytes())
    digest.update(layout.certificate.read_bytes())
    if state.edge not in (None, digest.hexdigest()):
        nginx = ("exec", "-T", "nginx", "nginx", "-c", "/etc/nginx/taxi/nginx.conf")
        compose.run(*nginx, "-t")
        compose.run(*nginx, "-s", "reload")
        say("nginx reads its files again")
    state.edge = digest.hexdigest()
    save_state(layout, state)


COMMANDS: Mapping[str, Callable[[Layout, Sequence[str]], None]] = {
    "up": up,
    "down": down,
    "build": build,
    "deploy": deploy,
    "rollback": rollback,
    "status": status,
    "smoke": smoke,
    "preflight": preflight,
    "postflight": postflight,
    "backup": backup,
    "restore": restore,
    "backup-verify": backup_verify,
    "owner": owner,
    "job": job,
    "compose": compose_command,
}
