"""The adapter of a stranger keeps its promises, and one that breaks a promise is told which."""

import subprocess
import sys
from pathlib import Path

folder = Path("adapter")
pytest = [sys.executable, "-m", "pytest", "-q", "--color=no"]
subprocess.run(pytest, cwd=folder, check=True, stdout=subprocess.DEVNULL)

adapter = folder / "sqlite_trips.py"
sound = adapter.read_text("utf-8")
broken = sound.replace("insert or ignore into trips", "insert or replace into trips")
assert broken != sound
adapter.write_text(broken, "utf-8")
done = subprocess.run([*pytest, "-k", "first_write"], cwd=folder, check=False, capture_output=True, text=True)
assert done.returncode == 1, done.stdout
assert "A promise of TripStore is not kept: the first write wins." in done.stdout, done.stdout
assert "A trip that is stored stays as it was" in done.stdout, done.stdout
