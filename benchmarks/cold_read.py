"""Reading a long log for the first time, beside everything else that could be done with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.row import Bench, Row, in_turn, median, seconds, spread
from thalia_monitor.reading.jsonl import log as training_log
from thalia_monitor.reading.run_reader import RunReader


def plain_loop(log: Path) -> None:
    """Decode every line with the standard library, and keep nothing."""
    with log.open("rb") as file:
        for line in file:
            json.loads(line)


def rows(bench: Bench) -> Iterator[Row]:
    """Measure in turn, a few times."""
    run, cache = bench.long_run, bench.directory / "cold-cache"
    log = run / "training_log.json"

    def with_snapshot() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        RunReader(run, cache=cache).read()

    loop, cold, shared, alone = in_turn(
        lambda: plain_loop(log), lambda: RunReader(run).read(), with_snapshot, lambda: _alone(run)
    )
    base = bench.kept["loop"] = median(loop)
    bench.kept["cold"] = median(shared)
    against = "json.loads, line by line"
    yield Row("cold read, in memory", median(cold), "s", against, base, 0.3, spread(cold))
    yield Row("cold read, snapshot written", median(shared), "s", against, base, 0.3, spread(shared))
    yield Row("cold read, one process", median(alone), "s", against, base, 0.3, spread(alone))
    for name, rival in RIVALS.items():
        yield Row(f"rival: {name}", seconds(lambda rival=rival: rival(log)), "s", against, base)  # type: ignore[misc]


def _alone(run: Path) -> None:
    with patch.object(training_log, "helpers_here", lambda: 0):
        RunReader(run).read()


def old_way(log: Path) -> Any:
    """Read everything with json at each refresh, and make frames of it, as the page in Streamlit did."""
    import pandas as pd

    entries = [json.loads(line) for line in log.open()]
    metrics = [each for each in entries if "event_type" not in each]
    names = ("step", "firing_rate", "capacity", "performance", "loss")
    frame = pd.DataFrame({name: [each.get(name, 0.0) for each in metrics] for name in names})
    regions = pd.DataFrame([each["neuron_counts"] for each in metrics])
    return frame, regions, pd.DataFrame([each for each in entries if "event_type" in each])


def with_pandas(log: Path) -> Any:
    """``read_json(lines=True)``: the objects of regions stay Python objects."""
    import pandas as pd

    return pd.read_json(log, lines=True)


def with_polars(log: Path) -> Any:
    """``read_ndjson``, then every number as a numpy array."""
    import polars as pl

    frame = pl.read_ndjson(log, infer_schema_length=1000)
    flat = frame.unnest("neuron_counts").rename(lambda name: f"n.{name}").unnest("n.capacity_by_region")
    return [column.to_numpy() for column in flat.get_columns() if column.dtype.is_numeric()]


def with_duckdb(log: Path) -> Any:
    """``read_json`` of the numbers, as numpy arrays."""
    import duckdb

    columns = "step, firing_rate, capacity, performance, loss, neuron_counts.*, capacity_by_region.*"
    query = f"select {columns} from read_json('{log}', format='newline_delimited') where event_type is null"
    with duckdb.connect() as connection:
        return connection.sql(query).fetchnumpy()


RIVALS: dict[str, Callable[[Path], Any]] = {
    "the old way, at every refresh": old_way,
    "pandas": with_pandas,
    **({"polars, scalars and regions": with_polars} if find_spec("polars") else {}),
    **({"DuckDB, scalars and regions": with_duckdb} if find_spec("duckdb") else {}),
}
