"""Keys of series (a metric, or one region's neurons or capacity) and their unique public names."""

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
        """Prefix of this kind's public names; alone, it means all series of the kind."""
        return f"{self}."


ALL_NEURONS: Final = "neurons"
"""Public name of the neuron count summed over all regions."""
_FAMILIES: Final = tuple(kind.family for kind in Kind)
_INDEX: Final = frozenset({contract.STEP, contract.SEGMENT})
"""Leading columns of every table of series."""
_TAKEN: Final = _INDEX | {contract.TIMESTAMP, ALL_NEURONS}


class SeriesKey(NamedTuple):
    """A series by its kind and by the logged name of the metric or region."""

    kind: Kind
    name: str

    @property
    def public(self) -> str:
        """Unique name in the API, in files and URLs.

        A metric goes by its own name. Where that could be taken for something else (``neurons.PFC``, ``segment``),
        ``metric.`` stands before it.
        """
        taken = self.name in _TAKEN or self.name.startswith(_FAMILIES)
        return self.name if self.kind is Kind.METRIC and not taken else self.kind.family + self.name

    @property
    def column(self) -> str:
        """Column name in a table of one kind: the logged name, prefixed if it is ``step`` or ``segment``."""
        taken = self.name in _INDEX or self.name.startswith(self.kind.family)
        return self.kind.family + self.name if taken else self.name


def metric(name: str) -> SeriesKey:
    """Key of the metric logged under this name."""
    return SeriesKey(Kind.METRIC, name)


def parse(public: str) -> SeriesKey:
    """Parse a public name; one without the prefix of a kind is a metric's."""
    kind = next((kind for kind in Kind if public.startswith(kind.family)), None)
    return SeriesKey(kind, public.removeprefix(kind.family)) if kind else metric(public)
