"""The newest report of Thalia's diagnostics scripts as the page shows it, and the files that were found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from thalia_monitor import contract
from thalia_monitor.analysis.formatting import number
from thalia_monitor.web.components import basic
from thalia_monitor.web.components.value_table import moment

if TYPE_CHECKING:
    from thalia_monitor.model.records import Event
    from thalia_monitor.model.run import TrainingState

POPULATIONS: Final = {"population": "Population", "rate_hz": "Rate (Hz)", "status": "Status"}
NUMBERS: Final = {"name": "Quantity", "value": "Value", "report": "Of the report of (UTC)"}
FILES: Final = {"file": "File", "format": "Format", "records": "Records", "note": "Note"}
_RATES: Final = "population_firing_rates_hz/"


def newest(state: TrainingState) -> Event | None:
    """The newest report; None where there is none."""
    reports = state.events_of(contract.REPORT)
    return max(reports, key=lambda each: each.time or 0.0) if reports else None


def facts(state: TrainingState) -> list[Any]:
    """The brain's state, what oscillates, and how many populations are within their range."""
    report = newest(state)
    if report is None:
        advice = (
            "Thalia's comprehensive_diagnostics.py writes diagnostics_report.json and sweep_summary.json."
        )
        return [basic.empty("No diagnostics report in this directory", advice)]
    numbers, count = report.fields["numbers"], len(state.events_of(contract.REPORT))
    status = list(report.fields.get("population_status", {}).values())
    shown = [f"{status.count(each):,} {each}" for each in ("ok", "low", "high", "unknown")]
    frequency = numbers.get("global_dominant_freq_hz")
    bands = {
        name.rpartition("/")[2]: each
        for name, each in numbers.items()
        if name.startswith("global_band_power/")
    }
    strongest = max(bands, key=lambda name: bands[name]) if bands else ""
    return [
        basic.fact("Brain state", str(report.fields.get("brain_state", "–"))[:60]),
        basic.fact("Populations", " · ".join(shown) if status else "–"),
        basic.fact(
            "Dominant frequency",
            f"{number(frequency)} Hz" if frequency is not None else "–",
            f"most power in {strongest}" if strongest else "",
        ),
        basic.fact("Critical issues", f"{report.fields.get('criticals', '–')}"),
        basic.fact(
            "Report", f"{moment(report.time or -1)}", f"the newest of {count:,}" if count > 1 else report.file
        ),
    ]


def populations(state: TrainingState) -> pd.DataFrame:
    """Each population's rate and status, by the newest report that tells of it."""
    return state.memoized("populations", lambda: _populations(state))


def _populations(state: TrainingState) -> pd.DataFrame:
    rows: dict[str, dict[str, Any]] = {}
    for report in _by_time(state):
        rates = {
            name.partition(_RATES)[0] + name.partition(_RATES)[2]: each
            for name, each in report.fields["numbers"].items()
            if _RATES in name
        }
        status = report.fields.get("population_status", {})
        folder = next((name.partition(_RATES)[0] for name in report.fields["numbers"] if _RATES in name), "")
        status = {(name if "/" in name else folder + name): each for name, each in status.items()}
        for name in {**rates, **status}:
            rows[name] = {
                "population": name,
                "rate_hz": rates.get(name),
                "status": status.get(name, "unknown"),
            }
    return pd.DataFrame(list(rows.values()), columns=list(POPULATIONS))


def _by_time(state: TrainingState) -> list[Event]:
    return sorted(state.events_of(contract.REPORT), key=lambda each: each.time or 0.0)


def quantities(state: TrainingState) -> pd.DataFrame:
    """Every other number of the reports, by its newest report, under the name that Thalia gives it."""
    return state.memoized("report numbers", lambda: _quantities(state))


def _quantities(state: TrainingState) -> pd.DataFrame:
    rows = {
        name: {"name": name, "value": each, "report": moment(report.time or -1)}
        for report in _by_time(state)
        for name, each in report.fields["numbers"].items()
        if _RATES not in name
    }
    return pd.DataFrame(list(rows.values()), columns=list(NUMBERS))


def files(state: TrainingState) -> pd.DataFrame:
    """Every file that was found: what was read of it, or why nothing was."""
    found = [
        {
            "file": each.file,
            "format": each.format,
            "records": each.records or None,
            "note": each.note,
        }
        for each in (*state.sources, *state.unread)
    ]
    return pd.DataFrame(found, columns=list(FILES)).astype({"records": "Int64"})
