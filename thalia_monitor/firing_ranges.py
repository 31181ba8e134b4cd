"""The firing rates in Hz that Thalia's diagnostics expect of a population, by its name.

Source: Thalia's ``diagnostics/bio_firing_ranges.py`` of 2026-03-25, which cites the literature for each.
"""

from __future__ import annotations

from typing import Final

HYPERACTIVE: Final = 100.0
"""Hz above which Thalia calls any population hyperactive."""

RANGES_HZ: Final[tuple[tuple[str, str, float, float], ...]] = (
    ("cortex_sensory", "l23_pyr", 0.1, 15),
    *(("hippocampus", f"{part}_inhibitory_pv", 5, 20) for part in ("dg", "ca3", "ca2", "ca1")),
    *(("hippocampus", f"{part}_inhibitory_olm", 0, 5) for part in ("dg", "ca2")),
    *(("hippocampus", f"{part}_inhibitory_bistratified", 0, 5) for part in ("dg", "ca2")),
    ("", "purkinje", 40, 100),
    ("", "inferior_olive", 0.3, 3),
    ("", "dcn", 10, 100),
    ("", "l23_pyr", 0.1, 3),
    ("", "l4_sst_pred", 5, 25),
    ("", "l4_pyr", 1, 10),
    ("", "l5_pyr", 2, 15),
    ("", "l6a_pyr", 1, 8),
    ("", "l6b_pyr", 1, 8),
    ("", "_pv", 10, 70),
    ("", "_sst", 5, 25),
    ("", "_vip", 2, 30),
    ("", "_ngc", 5, 30),
    ("cerebellum", "granule", 0.1, 5),
    ("thalamus", "relay", 5, 40),
    ("thalamus", "trn", 5, 80),
    ("hippocampus", "dg", 0.1, 1),
    ("hippocampus", "ca3", 1, 5),
    ("hippocampus", "ca2", 1, 5),
    ("hippocampus", "ca1", 1, 5),
    ("hippocampus", "_olm", 5, 15),
    ("hippocampus", "_bistratified", 5, 20),
    ("entorhinal", "ec_ii", 3, 15),
    ("entorhinal", "ec_iii", 1, 10),
    ("entorhinal", "ec_v", 1, 8),
    ("entorhinal", "", 1, 10),
    ("striatum", "d1", 0.1, 5),
    ("striatum", "d2", 0.1, 5),
    ("striatum", "fsi", 10, 50),
    ("striatum", "tan", 5, 10),
    ("globus_pallidus_interna", "principal", 50, 100),
    ("globus_pallidus_interna", "border_cells", 20, 50),
    ("globus_pallidus", "prototypic", 30, 80),
    ("globus_pallidus", "arkypallidal", 5, 20),
    ("subthalamic", "stn", 10, 40),
    *(("substantia_nigra", part, 30, 80) for part in ("snr", "principal", "vta_feedback")),
    ("substantia_nigra_compacta", "da", 2, 8),
    ("vta", "da_mesolimbic", 2, 8),
    ("vta", "da_mesocortical", 2, 8),
    ("locus_coeruleus", "ne", 1, 5),
    ("locus_coeruleus", "gaba", 5, 20),
    ("dorsal_raphe", "serotonin", 0.5, 3),
    ("dorsal_raphe", "gaba", 5, 40),
    ("nucleus_basalis", "ach", 2, 15),
    ("medial_septum", "gaba", 5, 15),
    ("medial_septum", "ach", 5, 15),
    ("basolateral_amygdala", "principal", 1, 5),
    ("basolateral_amygdala", "pv", 0.5, 5),
    ("central_amygdala", "lateral", 0.5, 8),
    ("central_amygdala", "medial", 0.5, 8),
    ("lateral_habenula", "principal", 5, 20),
    ("rostromedial", "gaba", 5, 30),
    ("", "l1_ngc", 5, 25),
    ("", "gaba", 5, 40),
)
"""Region, population, least and greatest Hz: parts of names, of which the longest that fit count."""
_BY_LENGTH: Final = sorted(RANGES_HZ, key=lambda each: (-len(each[0]), -len(each[1])))


def range_hz(name: str) -> tuple[float, float] | None:
    """The biological range of ``region:population``; of a region alone, its own or all that its populations' cover.

    None where Thalia's table names neither.
    """
    region, colon, population = name.lower().partition(":")
    if colon:
        fitting = (each for each in _BY_LENGTH if each[0] in region and each[1] in population)
        return next(((low, high) for _, _, low, high in fitting), None)
    longest = max((len(each[0]) for each in RANGES_HZ if each[0] in region), default=0)
    own = [each for each in RANGES_HZ if each[0] in region and len(each[0]) == longest > 0]
    own = [each for each in own if not each[1]] or own  # one for the whole region, if there is
    return (min(each[2] for each in own), max(each[3] for each in own)) if own else None
