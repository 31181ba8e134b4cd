"""TensorBoard's own reader on four series of that length, where it is installed; every start reads them again."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from benchmarks.row import Bench, Row, seconds

SERIES = ("firing_rate", "capacity", "performance", "loss")


def rows(bench: Bench) -> Iterator[Row]:
    """Skipped where TensorBoard is not installed."""
    if not find_spec("tensorboard"):
        print("| rival: TensorBoard, four series: not installed | | | | | |")
        return
    directory = bench.directory / "tensorboard"
    _write(directory, bench.lines)
    yield Row("rival: TensorBoard, four series", seconds(lambda: _read(directory)), "s")


def _write(directory: Path, steps: int) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(directory))
    for step in range(steps):
        values = [Summary.Value(tag=name, simple_value=step / (step + 1)) for name in SERIES]
        writer.add_event(Event(step=step * 10, wall_time=1.7e9 + step, summary=Summary(value=values)))
    writer.close()


def _read(directory: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    for name in events.Tags()["scalars"]:
        events.Scalars(name)
