"""What the files of a fixture say, read in the simplest way there is: nothing of the package is used."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support import FIXTURES

Line = dict[str, Any]


class Naive:
    """A fixture's files."""

    def __init__(self, fixture: str) -> None:
        directory = FIXTURES / fixture
        self.lines: list[dict[str, Any]] = [
            json.loads(text) for text in (directory / "training_log.json").read_text("utf-8").splitlines()
        ]
        checkpoints = [json.loads(path.read_text("utf-8")) for path in directory.glob("metadata_*.json")]
        self.checkpoints: list[Line] = sorted(checkpoints, key=lambda each: int(each["step"]))

    @property
    def newest(self) -> Line:
        """The checkpoint with the greatest step."""
        return self.checkpoints[-1]

    @property
    def before(self) -> Line:
        """The checkpoint before it."""
        return self.checkpoints[-2]

    def metrics(self) -> list[dict[str, Any]]:
        """The lines that are no events."""
        return [line for line in self.lines if "event_type" not in line]

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The event lines of one kind."""
        return [line for line in self.lines if line.get("event_type") == kind]

    def values(self, name: str) -> list[float]:
        """Everything logged under a name, also within objects (``oscillator/theta``)."""
        found = []
        for line in self.metrics():
            outer, _, inner = name.partition("/")
            value = line.get(name, line[outer].get(inner) if isinstance(line.get(outer), dict) else None)
            if isinstance(value, int | float):
                found.append(value)
        return found


def shows(text: str, value: float) -> bool:
    """Whether a number as written stands for a value: equal to within half of its last digit."""
    written = re.search(r"[-+\u2212]?[\d,]*\.?\d+(e[-\u2212]?\d+)?", text)
    assert written, f"there is no number in {text!r}"
    plain = written[0].replace(",", "").replace("\u2212", "-")
    mantissa, _, power = plain.partition("e")
    digits = len(mantissa.partition(".")[2])
    last: float = 10.0 ** (int(power or 0) - digits)
    return abs(float(plain) - value) <= 0.5 * last * (1 + 1e-9)
