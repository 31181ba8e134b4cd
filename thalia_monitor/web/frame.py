"""The frame around a page: the run's header, warnings and totals, how it stands, and why it shows nothing new."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from dash import Output, State, html, no_update
from plotly.io.json import to_json_plotly

from thalia_monitor.analysis.quantities import places
from thalia_monitor.analysis.summary import Summary
from thalia_monitor.errors import MonitorError
from thalia_monitor.records import HealthWarning
from thalia_monitor.state import TrainingState
from thalia_monitor.web import header, parts, standing
from thalia_monitor.web.live import NAMES, RUN, STANDING, VERSION, told
from thalia_monitor.web.monitor import monitor

HEADER: Final = "frame-header"
WARNINGS: Final = "frame-warnings"
NOTICE: Final = "frame-notice"
TOTALS: Final = "frame-totals"
PAGE: Final = "page"
OUTPUTS: Final = {
    "version": Output(VERSION, "data"),
    "names": Output(NAMES, "data"),
    "header": Output(HEADER, "children"),
    "warnings": Output(WARNINGS, "children"),
    "totals": Output(TOTALS, "children"),
    "notice": Output(NOTICE, "children"),
    "standing": Output(STANDING, "data"),
    "badge": Output(standing.BADGE, "children"),
    "hidden": Output(PAGE, "hidden"),
}
NOTHING: Final = dict.fromkeys(OUTPUTS, no_update)
"""What is sent of a frame that is right."""
HELD: Final = {
    "run": State(RUN, "data"),
    "known": State(VERSION, "data"),
    "named": State(NAMES, "data"),
    "shown": State(NOTICE, "children"),
    "stood": State(STANDING, "data"),
}
"""What a page tells of its frame, the arguments of :func:`look`."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a look at a run."""

    frame: dict[str, Any]
    """A value for each of ``OUTPUTS``."""
    run: str = ""
    state: TrainingState | None = None
    """The run as the page is to show it; None where it cannot be read."""
    stood: Any = None
    """How the run stands, as the browser knows by now."""
    summary: Summary | None = None
    """The run summed up, where that was done for the frame."""


def look(run: Any, known: Any, named: Any, shown: Any, stood: Any) -> Look:
    """Look at the run that a page shows: which version of it is to be on the page, and the frame around it.

    What the browser says of it is as if it had not been said where no page of ours says that.

    Args:
        run: the id that the address names; None for the one shown by default.
        known: the run and version on the page, and when that was read.
        named: what stands for the names of the run's series there.
        shown: the notices there.
        stood: how the run stood.
    """
    known = told(known)
    before = known["run"] if known else None
    # What is shown by default stays, even if another is newer now.
    run = (run if isinstance(run, str) else None) or before
    try:
        run = monitor().library.entry(run).id
        moment = monitor().newer(run, known if run == before else None)
    except MonitorError as error:
        return Look(_unreadable(str(error), run, before, shown, stood))
    state = moment.state
    summary = standing.summary_of(monitor(), run, state)
    stands, badge = standing.changed(summary, run, stood)
    frame = NOTHING | {"standing": stands, "badge": badge}
    same = known is not None and (before, known["version"]) == (run, state.version)
    if not same or _troubled(shown):
        names = _names(run, state)
        warned = state.warnings
        found = [HealthWarning(each.severity, each.message) for each in summary.findings if each.wrong]
        notices = [parts.problems(state.problems, state.total_problems), header.missing(state)]
        frame |= {
            "version": no_update if same else {"run": run, "version": state.version, "read": moment.read},
            "names": no_update if names == named else names,
            "header": header.header(state),
            "warnings": parts.warnings(warned, found) if warned or state.checkpoints or found else None,
            "totals": header.totals(state),
            "notice": _changed([each for each in notices if each], shown),
            "hidden": False,
        }
    return Look(frame, run, state, stood if stands is no_update else stands, summary)


def _unreadable(words: str, run: str | None, before: str | None, shown: Any, stood: Any) -> dict[str, Any]:
    """Say why a run cannot be read, above what was read of it before; of another run nothing stays."""
    stands, badge = standing.changed(None, run, stood)
    trouble = _trouble(words, shown, kept=run == before)
    answer = NOTHING | {"notice": trouble, "standing": stands, "badge": badge}
    if run == before:
        return answer
    gone = dict.fromkeys(("header", "warnings", "totals"))
    return answer | gone | {"version": {"run": run, "version": ""}, "hidden": True}


def _names(run: str, state: TrainingState) -> list[Any]:
    """What stands for the names of a run's series: another value when there is a new one, or one in another place."""
    return [
        run,
        state.once("names", lambda: zlib.crc32("\0".join(_lists(state)).encode("utf-8", "replace"))),
    ]


def _lists(state: TrainingState) -> list[str]:
    return [*state.history.names(), *(each.series for each in places(state))]


def _changed(notices: list[Any], shown: Any) -> Any:
    """What is shown already is not sent again: a screen reader would announce it once more."""
    return no_update if json.loads(to_json_plotly(notices)) == (shown or []) else notices


def _trouble(words: str, shown: Any, *, kept: bool) -> Any:
    """A notice that the run cannot be read, and since when; the same trouble stays as it is."""
    if _troubled(shown) and words in str(shown):
        return no_update
    since = f"since {datetime.now(UTC):%H:%M:%S} UTC" + (
        "; what was read before stays on screen" if kept else ""
    )
    return [parts.notice("critical", words, html.Span(f" ({since})"))]


def _troubled(shown: Any) -> bool:
    return "notice-critical" in str(shown)
