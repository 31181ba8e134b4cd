"""Four workers with the same alerts file: one of them sends."""

from __future__ import annotations

import math
import time
from itertools import count, islice
from pathlib import Path

from tests.alerts.support import receiving
from tests.support import Run, serving, wait_until


def test_four_workers_tell_it_once(run: Run, tmp_path: Path) -> None:
    """A burst of NaN in a living run is one message, its end another, whichever worker watches."""

    steps = count(0, 100)

    def log(lines: int, loss: float) -> None:
        for step in islice(steps, lines):
            run.metrics(step, timestamp=time.time(), loss=loss)

    file = tmp_path / "alerts.toml"
    log(40, 0.5)
    with receiving() as receiver:
        file.write_text(
            f'[[channel]]\nurl = "{receiver.url}"\n[[rule]]\non = "nan"\n[delivery]\ncheck_seconds = 1\n'
        )
        file.chmod(0o600)
        options = ("--alerts", file, "--state-dir", tmp_path / "state", "--cache-dir", tmp_path / "cache")
        with serving("--checkpoint-dir", run.directory, *options, "serve", "--workers", "4") as server:
            roles = set()

            def watched() -> bool:
                roles.add(server.get("/healthz")[1]["alerts"])
                return "watching" in roles and "standing by" in roles

            wait_until(watched, 30)
            log(3, math.nan)
            wait_until(lambda: bool(receiver.letters), 30)
            log(200, 0.5)
            wait_until(lambda: len(receiver.letters) > 1, 60)
            wait_until(watched, 30)
        assert [title[:10] for title in receiver.titles] == ["✖ run: los", "✓ run: Ove"]
