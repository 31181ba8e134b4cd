"""Wild logs for Hypothesis: valid ones, and ones with everything that goes wrong in practice."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.floats(),
    st.integers(-5, 5),
    st.sampled_from([0.1, 1e-300, 5e-324, 1.7976931348623157e308, 2**53 + 1, 10**25, -0.0, 0.1 + 0.2]),
)
REGIONS = st.dictionaries(st.sampled_from(["cortex", "hippocampus", "café", 'q"\\']), NUMBERS, max_size=3)
METRICS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"step": st.integers(0, 40)},
    optional={
        "loss": NUMBERS,
        "performance": NUMBERS,
        "novelty": NUMBERS,
        "neuron_counts": REGIONS,
        "capacity_by_region": REGIONS,
        "timestamp": st.sampled_from([1.0, 2.0, 3.5, 1.7e9]),
        "stage": st.integers(-1, 1),
    },
)
USUAL: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "step": st.integers(0, 40),
        "loss": NUMBERS,
        "performance": NUMBERS,
        "neuron_counts": st.fixed_dictionaries({"cortex": NUMBERS, "striatum": NUMBERS}),
    }
)
"""Lines that all look alike, as a trainer's do."""
EVENTS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries(
        {"step": st.integers(0, 40), "event_type": st.just("growth")},
        optional={"region": st.text(max_size=4), "neurons_added": st.integers(-3, 9), "new_total": NUMBERS},
    ),
    st.fixed_dictionaries(
        {"event_type": st.sampled_from(["consolidation", "milestone", "größer"])},
        optional={"step": st.integers(0, 40), "stage": st.sampled_from(["REM", 1]), "timestamp": NUMBERS},
    ),
)


def _written(fields: dict[str, Any], compact: bool, plain: bool) -> bytes:
    separators = (",", ":") if compact else None
    return json.dumps(fields, separators=separators, ensure_ascii=plain).encode(errors="replace")


VALID_LINES = st.builds(_written, st.one_of(USUAL, USUAL, METRICS, EVENTS), st.booleans(), st.booleans())
WRONG_LINES = st.one_of(
    st.binary(max_size=12).map(lambda junk: junk.replace(b"\n", b"")),
    st.tuples(VALID_LINES, st.integers(1, 40)).map(lambda torn: torn[0][: torn[1]]),
    st.tuples(VALID_LINES, st.integers(1, 40), VALID_LINES).map(
        lambda glued: glued[0][: glued[1]] + glued[2]
    ),
    st.tuples(VALID_LINES, VALID_LINES).map(b"".join),
    VALID_LINES.map(lambda line: line + b"\r"),
    VALID_LINES.map(lambda line: b"\xef\xbb\xbf" + line),
    VALID_LINES.map(lambda line: b"  " + line + b" \t"),
    st.sampled_from(
        [
            b"",
            b"\0\0\0",
            b"null",
            b"[]",
            b'[{"step": 3}]',
            b"{}",
            b'{"step": 1e400}',
            b'{"step": 2, "loss": null}',
            b'{"step": 2, "loss": "x", "performance": true}',
            b'{"step": 2, "loss": 1, "loss": 2}',
            b'{"step": 2, "loss": 1, "st\\u0065p": 5}',
            b'{"step": 2, "neuron_counts": {"cortex": 1, "cortex": "a"}}',
            b'{"step": 2, "neuron_counts": null, "capacity_by_region": 3}',
            b'{"step": 2.0, "loss": 1e400, "performance": 1E5}',
            b'{"step": 3, "event_type": null, "loss": 3}',
            b'{"step": 3, "note": "\\"event_type\\"", "loss": 3}',
            b'{"step": 3, "rates": {"cortex": 1, "x": {"y": 2}}, "flag": true, "list": [1]}',
            b'{"step": 9223372036854775808}',
            b'{"step": 4, "loss": ' + b"1" * 400 + b"}",
            b'{"step": 4, "loss": 01}',
            b'{"step": 4, "loss": 1.}',
            b'{"step": 4, "loss": -}',
            b'{"step": 4, "loss": 0.1, "bad": "\xff"}',
            b'{"step": 4, "loss": 0.1, "bad": "\\ud800"}',
            b'{"step": 4, "loss": 0.1, "bad": "a\x01b"}',
            b'{"step": 4, "loss": 0.1,}',
            b'{"step": 4,, "loss": 0.1}',
            b'{"step" : 4 , "loss" : 0.1 }',
        ]
    ),
)
LINE_LISTS = st.lists(VALID_LINES, max_size=14)
VALID_LOGS = LINE_LISTS.map(lambda lines: b"".join(line + b"\n" for line in lines))
WILD_LOGS = st.lists(st.one_of(VALID_LINES, VALID_LINES, WRONG_LINES), max_size=20).map(b"\n".join)
