"""What the stack's own code decides, without any container."""

import json
import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from taxi_predictor.apps.stack.backups import moment_of
from taxi_predictor.apps.stack.bake import Traffic, bake, traffic_of
from taxi_predictor.apps.stack.checks import see_restarts, see_services, see_targets
from taxi_predictor.apps.stack.commands import COMMANDS
from taxi_predictor.apps.stack.formats import Release, see_compatible
from taxi_predictor.apps.stack.layout import Layout, StackError
from taxi_predictor.apps.stack.sealing import SealBroken, check, seal, sign, unseal
from taxi_predictor.apps.stack.secrets import make_secrets
from taxi_predictor.apps.stack.state import Deploying, State, alone, load_state, save_state
from taxi_predictor.apps.stack.switching import live_colour, set_live

NAMES = ("api.example", "dashboard.example")
A_RELEASE = Release(
    code="1", model=2, models=[1, 2], spool=1, migrations={"0001 trips": "create table trips ();"}
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(Path(__file__).parents[2], tmp_path / "state")
    found.prepare()
    return found


def contents(folder: Path) -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_secrets_are_made_once(layout: Layout) -> None:
    make_secrets(layout.secrets, NAMES, chown=False)
    first = contents(layout.secrets)
    make_secrets(layout.secrets, NAMES, chown=False)
    assert contents(layout.secrets) == first


def test_only_their_reader_may_read_them(layout: Layout) -> None:
    make_secrets(layout.secrets, NAMES, chown=False)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in layout.secrets.iterdir()}
    assert modes <= {0o400, 0o600}
    assert stat.S_IMODE(layout.secrets.stat().st_mode) == 0o700


def test_a_password_needs_no_quoting_anywhere(layout: Layout) -> None:
    make_secrets(layout.secrets, NAMES, chown=False)
    passwords: dict[str, str] = json.loads((layout.secrets / "passwords.json").read_text())
    assert len(set(passwords.values())) == len(passwords)
    assert all(len(word) == 48 and set(word) <= set("0123456789abcdef") for word in passwords.values())
    assert passwords["taxi_app"] in (layout.secrets / "app_url").read_text()


def test_one_that_is_taken_away_is_made_anew_and_no_other(layout: Layout) -> None:
    make_secrets(layout.secrets, NAMES, chown=False)
    master = layout.secrets / "passwords.json"
    before: dict[str, str] = json.loads(master.read_text())
    master.write_text(json.dumps({name: word for name, word in before.items() if name != "taxi_app"}))
    make_secrets(layout.secrets, NAMES, chown=False)
    after: dict[str, str] = json.loads(master.read_text())
    assert {name for name in before if before[name] != after[name]} == {"taxi_app"}
    assert after["taxi_app"] in (layout.secrets / "postgres_roles").read_text()


def test_the_local_certificate_says_both_names_and_stays(layout: Layout) -> None:
    make_secrets(layout.secrets, NAMES, chown=False)
    for name in NAMES:
        asked = ["openssl", "x509", "-noout", "-checkhost", name, "-in", str(layout.certificate)]
        assert "does match" in subprocess.run(asked, capture_output=True, text=True).stdout
    first = layout.certificate.read_bytes()
    make_secrets(layout.secrets, NAMES, chown=False)
    assert layout.certificate.read_bytes() == first
    make_secrets(layout.secrets, ("other.example",), chown=False)
    assert layout.certificate.read_bytes() != first


def test_a_certificate_that_is_given_is_taken(layout: Layout) -> None:
    given = layout.state / "tls"
    given.mkdir()
    (given / "fullchain.pem").write_text("the chain\n")
    (given / "privkey.pem").write_text("the key\n")
    make_secrets(layout.secrets, NAMES, chown=False)
    assert (layout.secrets / "tls_key").read_text() == "the key\n"


def test_what_is_sealed_comes_back(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("11" * 32)
    folder = tmp_path / "set"
    folder.mkdir()
    _sealed(folder, key, b"trips" * 100_000)
    assert check(folder, key) == {"code": "1"}
    assert b"trips" not in (folder / "cluster.gz.enc").read_bytes()
    with (tmp_path / "out").open("wb") as out:
        unseal(folder, "cluster", key, out)
    assert (tmp_path / "out").read_bytes() == b"trips" * 100_000


@pytest.mark.parametrize("harm", ["a byte", "the end", "the file", "the manifest", "the key"])
def test_a_damaged_set_is_found_out(tmp_path: Path, harm: str) -> None:
    key = tmp_path / "key"
    key.write_text("11" * 32)
    folder = tmp_path / "set"
    folder.mkdir()
    _sealed(folder, key, os.urandom(10_000))
    target = folder / "cluster.gz.enc"
    content = target.read_bytes()
    match harm:
        case "a byte":
            target.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        case "the end":
            target.write_bytes(content[:-1])
        case "the file":
            target.unlink()
        case "the manifest":
            manifest = folder / "manifest.json"
            manifest.write_text(manifest.read_text().replace('"code": "1"', '"code": "2"'))
        case _:
            key.write_text("22" * 32)
    with pytest.raises(SealBroken):
        check(folder, key)


def _sealed(folder: Path, key: Path, content: bytes) -> None:
    source = folder.parent / "source"
    source.write_bytes(content)
    with source.open("rb") as file:
        seal(file, folder, "cluster", key)
    sign(folder, key, code="1")


def test_a_moment_has_a_zone() -> None:
    assert moment_of("2026-11-25T08:00:00-05:00") == "2026-11-25 13:00:00.000000+00"
    for wrong in ("yesterday", "2026-11-25T08:00:00"):
        with pytest.raises(StackError, match=wrong):
            moment_of(wrong)


def test_green_is_live_where_its_flag_is(layout: Layout) -> None:
    assert live_colour(layout) == "blue"
    set_live(layout, "green")
    set_live(layout, "green")
    assert live_colour(layout) == "green"
    set_live(layout, "blue")
    assert live_colour(layout) == "blue"


def test_one_at_a_time_changes_a_stack(layout: Layout) -> None:
    with alone(layout), pytest.raises(StackError, match=str(os.getpid())), alone(layout):
        pass
    with alone(layout):
        pass


def test_the_state_is_what_was_kept(layout: Layout) -> None:
    deploying = Deploying(version="2", colour="green", phase="bake", began_at="2026-11-25T08:00:00+00:00")
    state = State(versions={"blue": "1"}, former="0", deploying=deploying, overlays=["observability"])
    state.remember("deployed", "1")
    save_state(layout, state)
    assert load_state(layout) == state


def test_what_is_live_is_not_exchanged_by_starting_it(layout: Layout) -> None:
    save_state(layout, State(versions={"blue": "1"}))
    with pytest.raises(StackError, match="make deploy VERSION=2"):
        COMMANDS["up"](layout, ["2"])


def test_nginx_is_told_what_was_set(layout: Layout) -> None:
    layout.env.write_text("API_NAME=eta.example\nHTTPS_PORT=8443\nBALANCERS=192.0.2.0/24\n")
    layout.prepare()
    assert (layout.site / "api_name.conf").read_text() == "server_name eta.example;\n"
    assert "https://$host:8443$request_uri" in (layout.site / "redirect.conf").read_text()
    assert "set_real_ip_from 192.0.2.0/24;" in (layout.site / "balancers.conf").read_text()
    assert (layout.site / "admin.conf").read_text() == "deny all;\n"


def test_what_runs_beside_the_api_is_named_or_none(layout: Layout) -> None:
    assert layout.faces == {"monitor": "jobs", "dashboard": "dashboard"}
    layout.env.write_text("FACES=none\n")
    assert layout.faces == {}
    layout.env.write_text("FACES=dashbord\n")
    with pytest.raises(StackError, match="dashbord"):
        assert layout.faces


def sample(job: str, value: str) -> Mapping[str, object]:
    return {"metric": {"job": job}, "value": [0, value]}


def test_of_the_api_one_colour_is_seen_and_of_others_all() -> None:
    seen = [sample("api", "1"), sample("api", "0"), sample("node", "1")]
    assert see_targets(seen) == "2 of 3 targets, all 2 jobs"
    for missing, name in (
        ([sample("api", "0")], "api"),
        ([*seen, sample("redis", "0")], "redis"),
        ([], "API"),
    ):
        with pytest.raises(StackError, match=name):
            see_targets(missing)


def container(
    service: str, state: str = "running", health: str = "healthy", code: int = 0
) -> dict[str, object]:
    status = f"{state} ({health})"
    return {"Service": service, "State": state, "Health": health, "ExitCode": code, "Status": status}


WELL = [container("api-green"), container("postgres"), container("migrate", "exited", "")]


def test_who_is_well_and_the_colour_that_idles_are_no_trouble() -> None:
    assert see_services([*WELL, container("api-blue", "exited", "", 137)], "green") == "3 are"


@pytest.mark.parametrize(
    "sick",
    [
        container("nginx", health="unhealthy"),
        container("nginx", health="starting"),
        container("nginx", "restarting", "", 1),
        container("nginx", "restarting", ""),
        container("nginx", "paused"),
        container("nginx", "exited", "", 1),
        container("api-green", "exited", "", 137),
    ],
    ids=lambda sick: f"{sick['Service']} {sick['Status']} {sick['ExitCode']}",
)
def test_who_is_not_well_is_named(sick: dict[str, object]) -> None:
    with pytest.raises(StackError, match=str(sick["Service"])):
        see_services([*WELL, sick], "green")


def test_a_restart_and_a_lack_of_memory_are_seen() -> None:
    assert see_restarts(["0 false /taxi-nginx-1", "0 false /taxi-redis-1"]) == "none of 2"
    for trouble in ("3 false /taxi-nginx-1", "0 true /taxi-nginx-1"):
        with pytest.raises(StackError, match="taxi-nginx-1"):
            see_restarts(["0 false /taxi-redis-1", trouble])


def line(colour: str, status: int = 200, seconds: float = 0.01, port: int = 8443) -> str:
    return json.dumps({"colour": colour, "status": status, "seconds": seconds, "port": port})


def test_traffic_is_what_clients_asked_of_one_colour() -> None:
    log = [line("blue"), line("green"), line("green", 503), line("green", port=8444), "nginx: a notice", "7"]
    traffic = traffic_of(log, "green")
    assert (len(traffic.seconds), traffic.failed) == (2, 1)


NO_TRAFFIC = Traffic([], 0)


def baked(lines: Sequence[str], before: Traffic = NO_TRAFFIC) -> Traffic:
    return bake("green", before, for_s=0, log=lambda: lines, still_well=lambda: None)


def test_a_colour_that_does_well_is_kept() -> None:
    assert len(baked([line("green")] * 100).seconds) == 100


def test_one_that_fails_is_not() -> None:
    with pytest.raises(StackError, match="fails"):
        baked([line("green")] * 98 + [line("green", 500)] * 2)


def test_one_that_is_slow_is_not_unless_the_other_was() -> None:
    slow = [line("green", seconds=0.5)] * 30
    with pytest.raises(StackError, match="slow"):
        baked(slow)
    assert baked(slow, before=Traffic([0.2] * 30, 0)).p95_s == 0.5


def test_one_that_is_slow_with_its_first_requests_alone_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taxi_predictor.apps.stack.bake.LOOK_S", 0.001)
    slow, fast = [line("green", seconds=0.5)] * 30, [line("green")] * 1000
    looks = iter([slow, slow])
    kept = bake(
        "green", NO_TRAFFIC, for_s=0.05, log=lambda: next(looks, slow + fast), still_well=lambda: None
    )
    assert len(kept.seconds) == 1030
    with pytest.raises(StackError, match="slow"):
        bake("green", NO_TRAFFIC, for_s=600, log=lambda: slow, still_well=lambda: None)


def test_of_a_few_requests_nothing_is_concluded() -> None:
    assert baked([line("green", 500)] * 5).failed == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"spool": 2}, "spool"),
        ({"model": 3, "models": [2, 3]}, "champion that it cannot open"),
        ({"models": [3], "model": 2}, "champion may be"),
        ({"migrations": {}}, "lacks 0001"),
        ({"migrations": {"0001 trips": "create table others ();"}}, "not changed"),
    ],
)
def test_releases_that_cannot_serve_side_by_side_are_refused(change: dict[str, object], reason: str) -> None:
    with pytest.raises(StackError, match=reason):
        see_compatible(A_RELEASE, replace(A_RELEASE, **change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "statement",
    [
        "drop table trips;",
        "alter table trips rename to rides;",
        "alter table trips alter column a type text;",
        "alter table trips alter column a set not null;",
    ],
)
def test_a_migration_that_takes_something_away_waits_for_another_release(statement: str) -> None:
    new = replace(A_RELEASE, migrations={**A_RELEASE.migrations, "0002 less": statement})
    with pytest.raises(StackError, match="expand"):
        see_compatible(A_RELEASE, new)


def test_one_that_adds_is_welcome() -> None:
    adds = "-- instead of drop table\nalter table trips add column b text;\ncreate index on trips (b);"
    see_compatible(A_RELEASE, replace(A_RELEASE, migrations={**A_RELEASE.migrations, "0002 more": adds}))


def test_the_migrations_so_far_only_add() -> None:
    """Those of the project itself pass their own gate, as from an empty schema."""
    from taxi_predictor.adapters.postgres.migrations import migrations

    known = {f"{one.number:04} {one.name}": one.up for one in migrations()}
    see_compatible(replace(A_RELEASE, migrations={}), replace(A_RELEASE, migrations=known))
