"""What a training notices of being watched: nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import FIXTURES

PROGRAM = """
import json, os, sys
from pathlib import Path

run, cache = Path(sys.argv[1]), Path(sys.argv[2])
seen, held = [], []

def watch(event, arguments):
    if event == "open" and str(arguments[0]).startswith(str(run)):
        seen.append([str(arguments[0]), arguments[2]])
    elif event in ("fcntl.flock", "fcntl.lockf"):
        held.append(os.readlink(f"/proc/self/fd/{arguments[0]}"))
    elif event.startswith(("os.", "shutil.")) and event not in ("os.listdir", "os.scandir"):
        held.extend(str(each) for each in arguments if str(each).startswith(str(run)))

sys.addaudithook(watch)
from thalia_monitor.reading.run_reader import RunReader

readers = [RunReader(run), RunReader(run, cache=cache)]
for turn in range(2):
    for reader in readers:
        reader.read()
    with (run / "training_log.json").open("a") as file:
        file.write('{"step": 99999999, "loss": 1.0}\\n')
    del seen[-1]
for reader in readers:
    assert reader.read().current_step == 99999999
names = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
mine = [os.readlink(each) for each in names if os.path.lexists(each)]
open_still = [each for each in mine if each.startswith(str(run))]
mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(run) in line]
print(json.dumps({"seen": seen, "held": held, "open": open_still, "mapped": mapped}))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux what is open")
@pytest.mark.parametrize("name", ["healthy", "resumed"])
def test_files_are_opened_to_read_and_let_go(name: str, tmp_path: Path) -> None:
    """No file of a run is opened to be written, locked, kept open, mapped, renamed or removed, while it grows."""
    run = tmp_path / "run"
    run.mkdir()
    for path in (FIXTURES / name).iterdir():
        (run / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-c", PROGRAM, str(run), str(tmp_path / "cache")]
    report = json.loads(subprocess.check_output(command, text=True))
    assert len(report["seen"]) > 4
    assert all(flags & os.O_ACCMODE == os.O_RDONLY for _, flags in report["seen"])
    assert [each for each in report["held"] if each.startswith(str(run))] == []
    assert (report["open"], report["mapped"]) == ([], [])
