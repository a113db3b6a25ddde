"""What was there comes back: whole, elsewhere, as of a moment, or not at all where it is damaged."""

import shutil
import time
from pathlib import Path

from deploy.engine.machine import Machine


def sets(machine: Machine) -> list[Path]:
    return sorted((machine.state / "backups").iterdir())


def test_a_set_comes_back_elsewhere_and_answers_as_it_did(machine: Machine) -> None:
    with machine.under_load() as counted:
        time.sleep(10)
    machine.wait_logged(counted.acknowledged)
    assert "a backup is there: there is none" in machine.make("preflight", code=1)
    machine.make("backup")
    assert "verify-1 may follow" in machine.make("preflight", "verify-1")
    assert "All answers are as they were" in machine.make("backup-verify")
    assert (machine.state / "textfile" / "backup.prom").exists()


def test_a_damaged_set_is_refused_and_nothing_is_touched(machine: Machine) -> None:
    [good] = sets(machine)
    bad = good.with_name("20200101T000000Z")
    shutil.copytree(good, bad)
    with (bad / "cluster.gz.enc").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))
    assert "damaged" in machine.make("restore", bad.name, code=1)
    machine.make("smoke")
    shutil.rmtree(bad)


def test_the_database_comes_back_as_of_a_moment(machine: Machine) -> None:
    [good] = sets(machine)
    machine.psql("create table marks (name text)")
    machine.psql("insert into marks values ('before')")
    time.sleep(2)
    moment = machine.psql("select to_char(now() at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')")
    time.sleep(2)
    machine.psql("insert into marks values ('after')")
    machine.make("restore", good.name, moment)
    assert machine.psql("select name from marks") == "before"


def test_an_empty_machine_gets_all_of_it(machine: Machine) -> None:
    """But for the set and its key, everything is new: volumes, passwords, certificate."""
    [good] = sets(machine)
    kept = machine.psql("select count(*) from predictions where answered_at < '" + _made_at(good) + "'")
    key = (machine.layout.secrets / "backup_key").read_text()
    machine.make("down", "--volumes")
    for path in machine.layout.secrets.iterdir():
        path.unlink()
    (machine.layout.secrets / "backup_key").write_text(key)
    (machine.state / "smoke-key").unlink()
    machine.make("restore", good.name)
    assert machine.psql("select count(*) from predictions") == kept
    assert "by champion" in machine.make("smoke")
    machine.make("postflight")


def _made_at(folder: Path) -> str:
    name = folder.name
    return f"{name[:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}Z"
