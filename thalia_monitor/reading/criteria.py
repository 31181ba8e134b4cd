"""Milestone thresholds that a run configures itself: they win over those of the stage table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from thalia_monitor import contract
from thalia_monitor.reading import plain, values
from thalia_monitor.records import Event


def thresholds(config: Mapping[str, Any]) -> dict[str, float]:
    """Take the ``success_criteria`` that have a threshold; one that is true or false is a check."""
    criteria = values.table(config.get("success_criteria"))
    kept = islice(criteria.items(), plain.LARGEST_COLLECTION)
    limits = ((plain.text(name), plain.finite(each)) for name, each in kept)
    return {name: limit for name, limit in limits if limit is not None}


def configured_by(events: Iterable[Event]) -> dict[str, float]:
    """Take those of every stage that the log says began; a later stage's win."""
    found: dict[str, float] = {}
    for event in events:
        if event.kind == contract.STAGE_START:
            found |= thresholds(values.table(event.fields.get("config")))
    return found
