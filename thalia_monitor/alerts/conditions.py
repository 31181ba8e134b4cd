"""The conditions that rules look for in a run: alerts, which last and end, and events, which happen once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from typing import Annotated, Final

import msgspec

from thalia_monitor import metric_info
from thalia_monitor.alerts.memory import RunState
from thalia_monitor.analysis.findings import Finding, Kind
from thalia_monitor.analysis.formatting import beyond
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.milestones import changes
from thalia_monitor.analysis.quantities import measured, series_of
from thalia_monitor.analysis.recent import Recent, recent, since
from thalia_monitor.analysis.summary import Summary
from thalia_monitor.contract import exact
from thalia_monitor.model.records import Severity
from thalia_monitor.model.run import TrainingState
from thalia_monitor.model.series_key import Kind as SeriesKind
from thalia_monitor.model.series_key import parse
from thalia_monitor.stages import stage_name

UNREADABLE: Final = "unreadable"
STALE: Final = "stale"
MOST: Final = 100
"""Alerts of a run at a time, the worst first; a log may hold any number of warnings."""
LONGEST: Final = 300
_MOST_NAMES: Final = 5_000
_LONGEST_NAME: Final = 200
"""Milestone names that are remembered; the files are not to be trusted with the size of the memory."""


Happened = tuple[Severity, str]
"""Something that happened once: how bad it is, and a sentence."""
ENDED: Final = {Status.FINISHED: Severity.INFO, Status.STOPPED: Severity.WARNING}
"""How a run has ended, and how bad that is."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule of the file."""

    on: str = "metric"
    """A key of :data:`CONDITIONS`."""
    metric: str = ""
    """Name of a series, or a pattern of names with ``*``."""
    above: float | None = None
    below: float | None = None
    steps: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """For how many steps it must have been so; 0 judges the newest value alone."""
    severity: Severity | None = None
    """How bad it is; for warnings and health, the least that counts."""

    @property
    def level(self) -> Severity:
        """The severity that the rule states, or its condition's own."""
        return self.severity or CONDITIONS[self.on].severity


@dataclass(frozen=True, slots=True)
class Alert:
    """Something wrong with a run, for as long as it lasts."""

    key: str
    """The same for the same alert, however its numbers change."""
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Condition:
    """What a rule may look for."""

    alerts: Callable[[Rule, Summary], Iterator[Alert]] | None = None
    """Finds what is wrong now."""
    events: Callable[[RunState, Summary], Iterator[Happened]] | None = None
    """Finds what has happened once since a run was as remembered."""
    severity: Severity = Severity.WARNING
    """How bad it is unless the rule states a severity."""


def active_alerts(rules: Sequence[Rule], summary: Summary) -> dict[str, Alert]:
    """All alerts of a run now, by key; of two rules that find the same, the worse counts."""
    found: dict[str, Alert] = {}
    for rule in rules:
        find = CONDITIONS[rule.on].alerts
        for alert in find(rule, summary) if find else ():
            known = found.get(alert.key)
            if known is None or known.severity.rank < alert.severity.rank:
                found[alert.key] = alert
    worst = sorted(found.values(), key=lambda each: -each.severity.rank)[:MOST]
    return {each.key: each for each in worst}


def undecided_keys(summary: Summary) -> frozenset[str]:
    """Keys of alerts that cannot be judged now, and so stay as they are."""
    return frozenset({STALE}) if summary.liveness.status is Status.UNKNOWN else frozenset()


def unreadable_alert(rules: Sequence[Rule], reason: str) -> dict[str, Alert]:
    """The alert of a run that cannot be read, where a rule looks for stale runs."""
    severity = next((rule.level for rule in rules if rule.on == "stale"), None)
    return {UNREADABLE: Alert(UNREADABLE, severity, reason)} if severity else {}


def _metric(rule: Rule, summary: Summary) -> Iterator[Alert]:
    state = summary.state
    meant = series_of(state, rule.metric)  # firing_rate is meant under whichever name the run logs it
    for key in state.history.series_keys():
        name = key.public
        # A metric may be called as the log calls it, where that is no other series' name.
        names = {name, key.name} if parse(key.name) == key else {name}
        if not names & {meant, rule.metric} and not any(fnmatchcase(each, rule.metric) for each in names):
            continue
        placeholder = key.kind is SeriesKind.METRIC and metric_info.info(key.name).placeholder
        if placeholder and not measured(state, key.name):
            continue
        values = recent(state.history, key)
        for bound, side in ((rule.above, "above"), (rule.below, "below")):
            step = None if bound is None else _since(values, bound, side == "above", rule.steps)
            if bound is None or step is None:
                continue
            value, limit = beyond(float(values.value[-1]), bound), exact(bound)
            text = f"{chat_safe(name)} is {value}, {side} {limit} since step {step:,}."
            yield Alert(f"metric:{name}:{side}:{limit}:{exact(rule.steps)}", rule.level, text)


def _since(values: Recent, bound: float, above: bool, steps: float) -> int | None:
    if not len(values):
        return None
    bad = values.value > bound if above else values.value < bound
    if steps:
        return since(values, bad, steps, share=1)
    good = (~bad).nonzero()[0]
    first = int(good[-1]) + 1 if len(good) else 0
    return int(values.step[first]) if bad[-1] else None


def _stale(rule: Rule, summary: Summary) -> Iterator[Alert]:
    if summary.liveness.status is Status.STALE:
        yield Alert(STALE, rule.level, f"The run has gone stale. {summary.liveness.text}")


def _warning(rule: Rule, summary: Summary) -> Iterator[Alert]:
    for each in summary.state.warnings:
        if each.severity.rank >= rule.level.rank:
            yield Alert(
                f"warning:{each.subject}", each.severity, f"The trainer warns: {chat_safe(each.message)}"
            )


def _health(rule: Rule, summary: Summary) -> Iterator[Alert]:
    for each in summary.findings:
        if each.severity.rank >= rule.level.rank:
            yield _of_finding(each, each.severity)


def _findings(kind: Kind) -> Callable[[Rule, Summary], Iterator[Alert]]:
    """Find the monitor's own findings of one kind, notes aside.

    Not finite is a warning for some lines after the last such value: one that comes and goes is one alert.
    """

    def find(rule: Rule, summary: Summary) -> Iterator[Alert]:
        for each in summary.findings:
            if each.kind is kind and each.severity is not Severity.INFO:
                yield _of_finding(each, rule.level)

    return find


def _of_finding(found: Finding, severity: Severity) -> Alert:
    return Alert(f"found:{found.key}", severity, chat_safe(f"{found.message} ({found.evidence})"))


def _milestone_passed(before: RunState, summary: Summary) -> Iterator[Happened]:
    for name in sorted(passed_milestones(summary.state) - before.passed):
        yield Severity.INFO, f"Milestone {chat_safe(name)} is passed."


def passed_milestones(state: TrainingState) -> frozenset[str]:
    """Every milestone that was ever passed."""
    names = (change.name for change in changes(state) if change.passed and len(change.name) <= _LONGEST_NAME)
    return frozenset(islice(names, _MOST_NAMES))


def _stage_begun(before: RunState, summary: Summary) -> Iterator[Happened]:
    state, stage = summary.state, summary.state.current_stage
    if before.stage is not None and stage is not None and stage != before.stage:
        old = f"stage {before.stage} {stage_name(before.stage, state.scheme)}"
        yield Severity.INFO, f"Stage {stage} {state.stage_name} has begun, after {old}."


def _ended(before: RunState, summary: Summary) -> Iterator[Happened]:
    severity = ENDED.get(summary.liveness.status)
    if severity and not before.finished:
        yield severity, summary.liveness.text


CONDITIONS: Final[Mapping[str, Condition]] = {
    "metric": Condition(_metric),
    "warning": Condition(_warning),
    "health": Condition(_health),
    "nan": Condition(_findings(Kind.NONFINITE), severity=Severity.CRITICAL),
    "stale": Condition(_stale, severity=Severity.CRITICAL),
    "milestone": Condition(_findings(Kind.FORGETTING), _milestone_passed),
    "forgetting": Condition(_findings(Kind.RETENTION)),
    "stage": Condition(events=_stage_begun),
    "finished": Condition(events=_ended),
}
"""Conditions by the value of a rule's ``on``."""


def chat_safe(text: str) -> str:
    """Neutralize text from a log for chats: no line breaks, mentions or links."""
    flat = " ".join(text.split())[:LONGEST]
    kept = "".join(each if each.isprintable() else " " for each in flat)
    return kept.replace("@", "@\u200b").replace("<", "‹").replace(">", "›").replace("://", ":\u200b//")
