"""Raster of one window of spikes: a stroke for each spike, a row for each sampled neuron, its regions in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from thalia_monitor.analysis.formatting import NONE, counted, number
from thalia_monitor.figures import theme
from thalia_monitor.figures.chart import OWN_AXIS, Chart, View, nothing
from thalia_monitor.model.records import Problem
from thalia_monitor.model.spike_window import spaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.model.spike_window import RegionSpikes, SpikeFile, SpikeWindow

MOST_ROWS: Final = 128
"""Neurons that are drawn: of more, an evenly spaced sample of each region."""
MOST_POINTS: Final = 5_000
"""Spikes that are drawn; the number of rows is reduced until there are no more."""
ROW: Final = 4
"""Pixels of a row."""
LONGEST_ROW: Final = 18
GAP: Final = 1
"""Rows between two regions."""
COLUMNS: Final = (
    "Region",
    "Neurons sampled",
    "of",
    "Spikes",
    "Mean rate (Hz)",
    "Silent neurons",
    "CV of intervals",
)


def chosen(state: TrainingState, name: str) -> SpikeFile | None:
    """The window nearest to the step that a name is; the newest for any other name. None without any."""
    windows = state.spike_windows
    if not windows or not (name.isascii() and name.isdigit() and len(name) <= 18):
        return windows[-1] if windows else None
    return min(windows, key=lambda each: (abs(each.step - int(name)), each.step))


def height(state: TrainingState, name: str) -> int:
    """Pixels of the raster of a window; of one that cannot be read, those of a message."""
    file = chosen(state, name)
    window = file.read() if file else None
    if window is None or isinstance(window, Problem):
        return 120
    return _height(_rows(window.regions)[0])


def _height(rows: Sequence[Sequence[int]]) -> int:
    return ROW * (sum(map(len, rows)) + GAP * len(rows)) + 60


def raster(state: TrainingState, name: str, view: View) -> Chart:
    """Draw the window nearest to the step that ``name`` is, the newest where it is empty."""
    file = chosen(state, name)
    if file is None:
        return nothing("no window of spikes is logged", 120)
    window = file.read()
    if isinstance(window, Problem):
        return nothing(str(window), 120)
    shown = [each for each in window.regions if each.region not in view.hidden]
    if not shown:
        return nothing("every region is hidden", 120)
    rows, every = _rows(shown)
    layout = theme.layout(x_title="ms in the window", height=_height(rows), hovermode="closest", **OWN_AXIS)
    ends = [0, window.milliseconds]
    layout["xaxis"] |= {
        "autorangeoptions": {"include": ends, "minallowed": 0, "maxallowed": window.milliseconds}
    }
    traces, middles, at = [], [], 0
    for region, places in zip(shown, rows, strict=True):
        traces.append(_strokes(region, places, at, every))
        middles.append(at + (len(places) - 1) / 2)
        at += len(places) + GAP
    layout["yaxis"] |= {
        "tickvals": middles,
        "ticktext": list(theme.categories((each.region for each in shown), LONGEST_ROW).values()),
        "range": [at - GAP - 0.5, -0.5],
        "autorange": False,
        "automargin": True,
        "showgrid": False,
        "fixedrange": True,
    }
    spikes = sum(each.spikes for each in shown)
    words = sentence(window, shown)
    return Chart(
        traces,
        layout,
        caption=f"{_windows(state)}; this one, step {window.step:,}: {words}",
        total=spikes,
        length=spikes,
        notes=tuple(_notes(window, shown, rows, every)),
        summary=f"Window at step {window.step:,}: {words}.",
    )


def _rows(shown: Sequence[RegionSpikes]) -> tuple[list[Sequence[int]], int]:
    """Places of the neurons that each region's rows show, and of how many spikes one is drawn (1 is all)."""
    most = max(len(each.times) for each in shown)
    while True:
        rows = [spaced(len(each.times), most) for each in shown]
        points = sum(len(each.times[at]) for each, places in zip(shown, rows, strict=True) for at in places)
        if most == 1 or (sum(map(len, rows)) <= MOST_ROWS and points <= MOST_POINTS):
            return rows, max(-(-points // MOST_POINTS), 1)
        most -= max(most // 8, 1)


def _strokes(region: RegionSpikes, places: Sequence[int], first: int, every: int) -> dict[str, Any]:
    spikes = [
        (round(time, 2), first + row, theme.plain(region.neurons[place], 20))
        for row, place in enumerate(places)
        for time in region.times[place]
    ][::every]
    color = theme.region_style(region.region)["color"]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": theme.plain(region.region, 40),
        "x": [time for time, *_ in spikes],
        "y": [row for _, row, _ in spikes],
        "text": [neuron for *_, neuron in spikes],
        "marker": {
            "symbol": "line-ns-open",
            "size": 3,
            "color": color,
            "line": {"width": 1.5, "color": color},
        },
        "hovertemplate": "%{x} ms<br>neuron %{text}<extra>%{fullData.name}</extra>",
    }


def sentence(window: SpikeWindow, shown: Sequence[RegionSpikes]) -> str:
    """The window in numbers."""
    neurons, silent = sum(len(each.neurons) for each in shown), sum(each.silent for each in shown)
    return (
        f"{counted(sum(each.spikes for each in shown), 'spike')} of {counted(neurons, 'sampled neuron')} in "
        f"{number(window.milliseconds)} ms, mean {number(window.rate(*shown), 'rate')} Hz; "
        f"{counted(silent, 'neuron')} silent"
    )


def _windows(state: TrainingState) -> str:
    steps = [each.step for each in state.spike_windows]
    return f"{counted(len(steps), 'window')}, step {steps[0]:,} to {steps[-1]:,}"


def _notes(
    window: SpikeWindow, shown: Sequence[RegionSpikes], rows: Sequence[Sequence[int]], every: int
) -> list[str]:
    notes = []
    neurons, drawn = sum(len(each.times) for each in shown), sum(map(len, rows))
    if drawn < neurons:
        notes.append(f"{drawn:,} of {neurons:,} sampled neurons drawn")
    if every > 1:
        notes.append(f"one spike in {every:,} drawn")
    left_out = sum(each.left_out for each in shown)
    if left_out:
        notes.append(f"{counted(left_out, 'spike')} counted, not in the file")
    if window.left_out:
        notes.append(f"{counted(window.left_out, 'region')} not in the file")
    return notes


def numbers(state: TrainingState, name: str) -> list[tuple[str, ...]]:
    """One row of :data:`COLUMNS` for each region of a window; none where it cannot be read."""
    file = chosen(state, name)
    window = file.read() if file else None
    if window is None or isinstance(window, Problem):
        return []
    return [
        (
            each.region,
            f"{len(each.neurons):,}",
            f"{each.of:,}",
            f"{each.spikes:,}",
            number(window.rate(each), "rate"),
            f"{each.silent:,}",
            NONE if each.variation is None else number(each.variation, "rate"),
        )
        for each in window.regions
    ]
