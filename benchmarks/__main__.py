"""Measure everything in docs/performance.md: ``python -m benchmarks [--lines N] [--json FILE] [NAME ...]``."""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import click

from benchmarks.row import Bench, Row

MODULES = (
    "cold_read",
    "tensorboard",
    "open_again",
    "tick",
    "page_tick",
    "zoom",
    "memory",
    "viewers",
    "wire",
    "views",
    "control",
    "push",
    "export",
    "scrape",
)
"""One for each row or few of the table; each has ``rows(bench)``."""


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(MODULES))
@click.option("--lines", default=1_000_000, show_default=True, help="Metric lines of the long log.")
@click.option("--json", "answer", type=click.Path(path_type=Path), help="Write the results there too.")
def main(names: tuple[str, ...], lines: int, answer: Path | None) -> None:
    """Measure, and print a table with the ratios."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="thalia-monitor-bench-") as directory:
        bench = Bench(Path(directory), lines)
        size = (bench.long_run / "training_log.json").stat().st_size
        machine = _machine()
        print(f"{lines:,} metric lines, {size / 1e6:.0f} MB; {machine}\n")
        print("| work | measured | against | ratio | target | |\n|---|---|---|---|---|---|")
        for row in _rows(bench, names or MODULES):
            found.append(row)
            print(_line(row), flush=True)
    if answer:
        results = [asdict(row) | {"ratio": row.ratio, "reached": row.reached} for row in found]
        answer.write_text(json.dumps({"machine": machine, "lines": lines, "rows": results}, indent=1))


def _rows(bench: Bench, names: tuple[str, ...]) -> Iterator[Row]:
    for name in names:
        yield from import_module(f"benchmarks.{name}").rows(bench)


def _machine() -> str:
    busy = f"{os.getloadavg()[0]:.1f} programs running at the start"
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; {busy}"


def _line(row: Row) -> str:
    measured = f"{row.measured:.4g} {row.unit}"
    if row.spread:
        measured += f" ({row.spread[0]:.3g} to {row.spread[1]:.3g})"
    against = "" if row.baseline is None else f"{row.against}: {row.baseline:.4g} {row.unit}"
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    target = "" if row.most is None else f"at most {row.most:g}"
    verdict = {True: "reached", False: "**missed**", None: ""}[row.reached]
    return f"| {row.work} | {measured} | {against} | {ratio} | {target} | {verdict} |"


if __name__ == "__main__":
    main()
