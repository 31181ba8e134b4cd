"""What the rules find in a run at one moment: troubles, which last and pass."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from thalia_monitor.alerts.plan import On, Rule, severity_of
from thalia_monitor.analysis.finding import Finding, Kind
from thalia_monitor.analysis.liveness import Status
from thalia_monitor.analysis.recent import Recent, recent, since
from thalia_monitor.analysis.summary import Summary
from thalia_monitor.analysis.wording import beyond
from thalia_monitor.contract import exact
from thalia_monitor.history import History
from thalia_monitor.series_key import parse
from thalia_monitor.state import Severity

ORDER: Final = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
UNREADABLE: Final = "unreadable"
STALE: Final = "stale"
MOST: Final = 100
"""Troubles at a time, the worst first; a log may hold any number of warnings."""
LONGEST: Final = 300
_NUMBER: Final = re.compile(r"[-+]?\d[\d.,]*(?:e[-+]?\d+)?%?", re.I)
_KINDS: Final = {On.NAN: frozenset({Kind.NONFINITE}), On.MILESTONE: frozenset({Kind.FORGETTING})}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a rule asks to be told of, for as long as it lasts."""

    key: str
    """The same for the same trouble, however its numbers change."""
    severity: Severity
    text: str


def at_least(severity: Severity, least: Severity) -> bool:
    """Tell whether something is as bad as ``least``, or worse."""
    return ORDER.index(severity) >= ORDER.index(least)


def troubles(rules: Sequence[Rule], summary: Summary) -> dict[str, Trouble]:
    """Everything that the rules find now, by key: two rules that find the same find it once, the worse."""
    found: dict[str, Trouble] = {}
    for rule in rules:
        for trouble in _found(rule, summary):
            known = found.get(trouble.key)
            if known is None or not at_least(known.severity, trouble.severity):
                found[trouble.key] = trouble
    worst = sorted(found.values(), key=lambda each: -ORDER.index(each.severity))[:MOST]
    return {each.key: each for each in worst}


def undecided(summary: Summary) -> frozenset[str]:
    """The keys that cannot be judged now, and so are as they were."""
    return frozenset({STALE}) if summary.liveness.status is Status.UNKNOWN else frozenset()


def unreadable(rules: Sequence[Rule], why: str) -> dict[str, Trouble]:
    """The trouble of a run that cannot be read, for who wants to know of silence."""
    severity = next((severity_of(rule) for rule in rules if rule.on is On.STALE), None)
    return {UNREADABLE: Trouble(UNREADABLE, severity, why)} if severity else {}


def _found(rule: Rule, summary: Summary) -> Iterator[Trouble]:
    if rule.on is On.METRIC:
        yield from _metrics(rule, summary.state.history)
    elif rule.on is On.STALE and summary.liveness.status is Status.STALE:
        yield Trouble(STALE, severity_of(rule), f"The run has gone stale. {summary.liveness.text}")
    elif rule.on is On.WARNING:
        for each in summary.state.warnings:
            if at_least(each.severity, severity_of(rule)):
                key = f"warning:{_NUMBER.sub('#', each.message[:LONGEST])}"
                yield Trouble(key, each.severity, f"The trainer warns: {harmless(each.message)}")
    elif rule.on in {On.NAN, On.MILESTONE, On.HEALTH}:
        yield from (_trouble(rule, each) for each in summary.findings if _wanted(rule, each))


def _wanted(rule: Rule, found: Finding) -> bool:
    if rule.on is On.HEALTH:
        return at_least(found.severity, severity_of(rule))
    # not finite is a warning for some lines after the last such value: one that comes and goes is told once
    return found.kind in _KINDS[rule.on] and found.severity is not Severity.INFO


def _trouble(rule: Rule, found: Finding) -> Trouble:
    severity = found.severity if rule.on is On.HEALTH else severity_of(rule)
    return Trouble(f"found:{found.key}", severity, harmless(f"{found.message} ({found.evidence})"))


def _metrics(rule: Rule, history: History) -> Iterator[Trouble]:
    for key in history.series_keys():
        name = key.public
        # A metric may be called as the log calls it, where that is no other series' name.
        names = {name, key.name} if parse(key.name) == key else {name}
        if rule.metric not in names and not any(fnmatchcase(each, rule.metric) for each in names):
            continue
        values = recent(history, key)
        for bound, side in ((rule.above, "above"), (rule.below, "below")):
            step = None if bound is None else _since(values, bound, side == "above", rule.steps)
            if bound is None or step is None:
                continue
            value, limit = beyond(float(values.value[-1]), bound), exact(bound)
            text = f"{harmless(name)} is {value}, {side} {limit} since step {step:,}."
            sign = f"metric:{name}:{side}:{limit}:{exact(rule.steps)}"
            yield Trouble(sign, severity_of(rule), text)


def _since(values: Recent, bound: float, above: bool, steps: float) -> int | None:
    if not len(values):
        return None
    bad = values.value > bound if above else values.value < bound
    if steps:
        return since(values, bad, steps, share=1)
    good = (~bad).nonzero()[0]
    first = int(good[-1]) + 1 if len(good) else 0
    return int(values.step[first]) if bad[-1] else None


def harmless(text: str) -> str:
    """Take the power out of what a log says: no line breaks, no mentions, no links that a chat would follow."""
    flat = " ".join(text.split())[:LONGEST]
    kept = "".join(each if each.isprintable() else " " for each in flat)
    return kept.replace("@", "@\u200b").replace("<", "‹").replace(">", "›").replace("://", ":\u200b//")
