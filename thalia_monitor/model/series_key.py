"""Which series is meant: a metric, or a region's neurons or capacity; and the one name that each goes by outside."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from thalia_monitor import contract


class Kind(StrEnum):
    """What a series measures."""

    METRIC = "metric"
    NEURONS = "neurons"
    """Neuron count of one region."""
    CAPACITY = "capacity"
    """Capacity (0 to 1) of one region."""

    @property
    def family(self) -> str:
        """What the public names of this kind begin with; stands for all series of it."""
        return f"{self}."


ALL_NEURONS: Final = "neurons"
"""The name under which all regions' neurons together are compared."""
_FAMILIES: Final = tuple(kind.family for kind in Kind)
_INDEX: Final = frozenset({contract.STEP, contract.SEGMENT})
"""Columns that every table of series begins with."""
_TAKEN: Final = _INDEX | {contract.TIMESTAMP, ALL_NEURONS}


class SeriesKey(NamedTuple):
    """A series by its kind and by the name that the log gives the metric or region."""

    kind: Kind
    name: str

    @property
    def public(self) -> str:
        """Its name in the API, in files and addresses: different keys have different public names.

        A metric goes by its own name. Where that could be taken for something else (``neurons.PFC``, ``segment``),
        ``metric.`` stands before it.
        """
        taken = self.name in _TAKEN or self.name.startswith(_FAMILIES)
        return self.name if self.kind is Kind.METRIC and not taken else self.kind.family + self.name

    @property
    def column(self) -> str:
        """Its column in a table of series of one kind: the log's own name, unless ``step`` or ``segment`` is."""
        taken = self.name in _INDEX or self.name.startswith(self.kind.family)
        return self.kind.family + self.name if taken else self.name


def metric(name: str) -> SeriesKey:
    """The key of the metric that the log calls so."""
    return SeriesKey(Kind.METRIC, name)


def parse(public: str) -> SeriesKey:
    """The series of a public name; any name without a kind before it is a metric's."""
    kind = next((kind for kind in Kind if public.startswith(kind.family)), None)
    return SeriesKey(kind, public.removeprefix(kind.family)) if kind else metric(public)
