"""Database, registry and artifacts as one set: made, checked, brought back, tried elsewhere."""

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from taxi_predictor.apps.stack.engine import Compose, say
from taxi_predictor.apps.stack.layout import Layout, StackError

__all__ = ["Backups", "moment_of"]

STAMP = "%Y%m%dT%H%M%SZ"
HELPER = "taxi_predictor.apps.stack.sealing"
UNPACK = """
set -eu
if [ -d "$PGDATA" ]; then rm -rf "$PGDATA.former"; mv "$PGDATA" "$PGDATA.former"; fi
mkdir -p -m 0700 "$PGDATA"
tar -x -C "$PGDATA"
# What an earlier restore left in there would be in the way of this one.
sed -i '/^restore_command/d; /^recovery_target/d' "$PGDATA/postgresql.auto.conf"
touch "$PGDATA/recovery.signal"
{ echo "restore_command = 'cp /var/lib/postgresql/archive/%f %p'"
  echo "recovery_target_action = 'promote'"
  if [ -n "${RECOVER_TO:-}" ]; then echo "recovery_target_time = '$RECOVER_TO'"
  else echo "recovery_target = 'immediate'"; fi; } >> "$PGDATA/postgresql.auto.conf"
"""
"""What was there stays beside it until the next time.

A recovery in any case: it begins a timeline of its own, whose segments have names that the archive lacks.
"""
PSQL = ("exec", "-T", "postgres", "psql", "-U", "postgres", "-qtA", "-v", "ON_ERROR_STOP=1")
TIDY = "cd /var/lib/postgresql/archive 2>/dev/null && find . -type f -mtime +{days} -delete || true"


class Backups:
    """The sets below ``BACKUP_FOLDER``, a folder for each, named for its moment.

    *version* is that of the image which helps.
    """

    def __init__(self, layout: Layout, version: str) -> None:
        self._layout = layout
        self._version = version
        folder = Path(layout.get("BACKUP_FOLDER"))
        self._folder = folder if folder.is_absolute() else layout.root / folder

    def sets(self) -> Sequence[str]:
        """The names of whole sets, oldest first."""
        return sorted(path.parent.name for path in self._folder.glob("2*/manifest.hmac"))

    def age_s(self, name: str) -> float:
        made = datetime.strptime(name, STAMP).replace(tzinfo=UTC)
        return (datetime.now(UTC) - made).total_seconds()

    def make(self, compose: Compose) -> str:
        """Make one, check it, remove those that are too many, and return its name.

        The cluster is copied as of one moment, both databases in it; the artifacts after it, to which the
        registry only ever adds: whatever the one names is in the other.
        """
        name = datetime.now(UTC).strftime(STAMP)
        self._folder.mkdir(parents=True, exist_ok=True)
        cluster = ("pg_basebackup", "-U", "postgres", "-D", "-", "-Ft", "-X", "fetch", "-c", "fast")
        artifacts = ("tar", "-C", "/var/lib/taxi", "-cf", "-", ".")
        compose.pipe(
            ["compose", "exec", "-T", "postgres", *cluster], self._helper(compose, "seal", name, "cluster")
        )
        compose.pipe(
            ["compose", "exec", "-T", "mlflow", *artifacts], self._helper(compose, "seal", name, "artifacts")
        )
        server = compose.run("exec", "-T", "postgres", "postgres", "--version").split()[2].partition(".")[0]
        facts = (
            f"made_at={datetime.now(UTC).isoformat(timespec='seconds')}",
            f"postgres={server}",
            f"code={self._version}",
        )
        compose.docker(*self._helper(compose, "sign", name, *facts))
        self.check(compose, name)
        keep = int(self._layout.get("BACKUP_KEEP"))
        compose.run("exec", "-T", "postgres", "sh", "-c", TIDY.format(days=keep))
        for old in self.sets()[:-keep]:
            compose.docker(*self._helper(compose, "check", old, tool=("rm", "-rf", f"/backups/{old}")))
        self._tell()
        return name

    def check(self, compose: Compose, name: str) -> None:
        """See that the set *name* is what was made.

        Raises:
            StackError: it is not, or there is none.
        """
        if name not in self.sets():
            raise StackError(f"there is no backup {name!r}; there are: {', '.join(self.sets()) or 'none'}")
        try:
            compose.docker(*self._helper(compose, "check", name))
        except StackError as error:
            raise StackError(f"backup {name}: {str(error).splitlines()[-1]}") from error

    def restore(self, compose: Compose, name: str, *, to: str = "") -> None:
        """Bring back the set *name*, and the database *to* a later moment if the archive has it.

        Raises:
            StackError: the set is damaged, and nothing was touched; or it could not be unpacked.
        """
        self.check(compose, name)
        once = ("compose", "run", "--rm", "--no-deps", "-T")
        compose.pipe(
            self._helper(compose, "unseal", name, "cluster"),
            [*once, "-e", f"RECOVER_TO={to}", "--entrypoint", "sh", "postgres", "-c", UNPACK],
        )
        compose.pipe(
            self._helper(compose, "unseal", name, "artifacts"),
            [*once, "--entrypoint", "tar", "mlflow", "-x", "-C", "/var/lib/taxi"],
        )
        compose.run("up", "-d", "--wait", "postgres")
        self._wait_recovered(compose)
        # The set may be from a machine with other passwords; those of the other users come with `roles`.
        statements = (
            "\\set word `cat /run/secrets/postgres_password`\nalter role postgres password :'word';\n"
        )
        compose.run(*PSQL, stdin=statements)

    def _wait_recovered(self, compose: Compose) -> None:
        for _ in range(600):
            if compose.run(*PSQL, "-c", "select pg_is_in_recovery()").strip() == "f":
                return
            time.sleep(0.5)
        raise StackError("the database is still reading its archive after five minutes: look at make logs")

    def archive_all(self, compose: Compose) -> None:
        """Let the database put into its archive what it has written until now."""
        segment = compose.run(*PSQL, "-c", "select pg_walfile_name(pg_switch_wal())").strip()
        for _ in range(60):
            done = compose.run(*PSQL, "-c", "select last_archived_wal from pg_stat_archiver").strip()
            if done >= segment:
                return
            time.sleep(0.5)
        raise StackError(
            f"the archive has {done or 'nothing'}, and does not get {segment}: look at make logs"
        )

    def verify(self, compose: Compose, name: str) -> None:
        """Bring back the set *name* in a project of its own, and let its models answer its predictions again.

        Raises:
            StackError: it is damaged, does not come up, or the answers differ.
        """
        compose.run("down", "--volumes", "--remove-orphans")
        try:
            self.restore(compose, name)
            compose.run("up", "-d", "--wait", "mlflow")
            compose.run("run", "--rm", "-T", "migrate")
            say(compose.owner("recheck", "--at-most", "500").rstrip())
        finally:
            compose.run("--profile", "*", "down", "--volumes", "--remove-orphans", check=False)

    def _helper(
        self, compose: Compose, deed: str, name: str, *arguments: str, tool: Sequence[str] = ()
    ) -> list[str]:
        """The arguments of ``docker`` for one deed in a container that has the key and the sets."""
        python = ("python", "-m", HELPER, deed, f"/backups/{name}", *arguments)
        entry, *rest = tool or python
        return [
            *("run", "--rm", "--interactive", "--network=none", "--user=0", "--read-only", "--tmpfs=/tmp"),
            *("--cap-drop=ALL", "--cap-add=DAC_OVERRIDE", "--security-opt=no-new-privileges"),
            *("-v", f"{self._folder}:/backups", "-v", f"{self._layout.secrets / 'backup_key'}:/key:ro"),
            *("--entrypoint", entry, compose.image("api", self._version), *rest),
        ]

    def _tell(self) -> None:
        """Say when, for the node exporter to pass on."""
        folder = self._layout.state / "textfile"
        folder.mkdir(exist_ok=True)
        draft = folder / ".backup"
        draft.write_text(
            "# HELP taxi_backup_last_success_timestamp_seconds When the last backup was made and checked.\n"
            "# TYPE taxi_backup_last_success_timestamp_seconds gauge\n"
            f"taxi_backup_last_success_timestamp_seconds {datetime.now(UTC).timestamp():.0f}\n"
            "# HELP taxi_backup_free_bytes Room where the backups are.\n"
            "# TYPE taxi_backup_free_bytes gauge\n"
            f"taxi_backup_free_bytes {shutil.disk_usage(self._folder).free}\n"
        )
        draft.chmod(0o644)
        draft.replace(folder / "backup.prom")


def moment_of(text: str) -> str:
    """*text* as PostgreSQL reads it in its settings, where it knows no Z.

    Raises:
        StackError: it is no time, or one without a zone.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise StackError(f"TO={text} is no time such as 2026-11-25T08:00:00Z") from error
    if at.utcoffset() is None:
        raise StackError(f"TO={text} does not say in which zone: write 2026-11-25T08:00:00Z")
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
