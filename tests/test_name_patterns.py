"""The search for names: the same as Python's own expressions, and never slow."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thalia_monitor.errors import BadParameter
from thalia_monitor.name_patterns import LONGEST, Expression, search

NAMES = ["weights/a_mean", "weights/a_std", "weights/b_mean", "loss", "task/Reaching_accuracy"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", NAMES),
        ("MEAN weights", ["weights/a_mean", "weights/b_mean"]),
        ("/^weights.*_mean$/", ["weights/a_mean", "weights/b_mean"]),
        ("/a_(mean|std)/", ["weights/a_mean", "weights/a_std"]),
        ("/[^s]$/", ["weights/a_mean", "weights/a_std", "weights/b_mean", "task/Reaching_accuracy"]),
        (r"/weights\/[ab]_st?d/", ["weights/a_std"]),
        ("/REACH/", ["task/Reaching_accuracy"]),
        ("/WEIGHTS.A_M[A-Z]AN/", ["weights/a_mean"]),
        (r"/^\W*\D+$/", NAMES),
        (r"/\W[\Wr]/", ["task/Reaching_accuracy"]),
        ("/nothing/", []),
        ("weights/", ["weights/a_mean", "weights/a_std", "weights/b_mean"]),
        ("/", ["weights/a_mean", "weights/a_std", "weights/b_mean", "task/Reaching_accuracy"]),
    ],
)
def test_words_and_expressions_find_names(query: str, found: list[str]) -> None:
    """All words in any order, or an expression between slashes; a slash alone is a word."""
    assert search(query, NAMES) == found


PART = st.sampled_from(
    [
        "a",
        "b",
        "_",
        ".",
        "[ab]",
        "[^a]",
        "[a-c]",
        r"\d",
        r"\w",
        "^",
        "$",
        "(a|b)",
        "(?:ab)",
        "()",
        "(a*b)",
        "(|a)",
    ]
)
PATTERN = st.lists(st.tuples(PART, st.sampled_from(["", "", "*", "+", "?"])), max_size=6).map(
    lambda parts: "".join(part + (repeat if part not in "^$" else "") for part, repeat in parts)
)


@settings(max_examples=400, deadline=None)
@given(PATTERN, st.text("abc_1", max_size=8))
def test_it_finds_what_pythons_own_does(pattern: str, name: str) -> None:
    """For every expression of the supported kind."""
    assert Expression(pattern).found_in(name) == bool(re.search(pattern, name))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (r"^\D+$", ["abc", "a b", "É"]),
        (r"^\d+$", ["123"]),
        (r"^\W$", ["É"]),
        (r"^[^\D1]+$", []),
        (r"[\d\D]", ["123", "abc", "a b", "É"]),
        (r"^\S+$", ["123", "abc", "É"]),
        (r"\S\s\S", ["a b"]),
        ("^É$", ["É"]),
        ("^[é]$", ["É"]),
    ],
)
def test_an_escape_in_capitals_takes_all_others(pattern: str, found: list[str]) -> None:
    """``\\D`` is no digit, ``\\d`` is one: the case of an escape means something, that of a letter does not."""
    assert search(f"/{pattern}/", ["123", "abc", "a b", "É"]) == found


ANY_CASE = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("a", "B", "_", "1", " ", "-", ".", "^", "$", "(A|b1)", "(?:aB)", "(|A)"),
                *(r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"\.", r"\-", r"\\"),
                *("[A-C]", "[^A]", "[Z-a]", "[^Z-a]", "[aB1]", r"[\Da]", r"[^\D]", r"[\d\W]"),
                *(r"[\D\W]", r"[^\S_]", r"[^\W1]", r"[\d\D]", r"[^\d\D]", "[]A]", "[^]A]", r"[\]_-]"),
            ]
        ),
        st.sampled_from(["", "", "*", "+", "?"]),
    ),
    max_size=6,
).map(lambda parts: "".join(part + (repeat if part not in "^$" else "") for part, repeat in parts))


@settings(max_examples=600, deadline=None)
@given(ANY_CASE, st.text("aAbBzZ_19 \t-./^\\[]`", max_size=8))
def test_it_finds_what_pythons_own_does_in_any_case(pattern: str, name: str) -> None:
    """With escapes, ranges and classes in either case, as ``re`` with IGNORECASE."""
    expected = bool(re.search(pattern, name, re.IGNORECASE | re.ASCII))
    assert Expression(pattern).found_in(name) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*b",
        "(a|a)*b",
        "(a|aa)+$",
        "a*" * 30 + "b",
        "(.*)" * 15 + "x",
        "((((a*)*)*)*)*b",
        "(.|a)*" * 10 + "z",
    ],
)
def test_no_expression_hangs(pattern: str) -> None:
    """Over 2,000 names of 200 characters: found out, or refused with advice, within three seconds."""
    names = ["a" * 200] * 2_000
    start = time.process_time()
    try:
        assert search(f"/{pattern}/", names) == (names if pattern in ("(a+)+$", "(a|aa)+$") else [])
    except BadParameter as error:
        assert "simpler" in str(error)
    assert time.process_time() - start < 3


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "(a",
        "[",
        "[a",
        "*",
        "+a",
        "a**",
        "a+?",
        "\\",
        r"\b",
        r"\1",
        "[z-a]",
        "[a-Z]",
        r"[A-\d]",
        r"\B",
        r"\Z",
        "a" * (LONGEST + 1),
        "(" * 40,
    ],
)
def test_what_is_no_expression_is_refused_in_words(pattern: str) -> None:
    """Never with an error of Python's own."""
    with pytest.raises(BadParameter, match="expression"):
        Expression(pattern)


def test_nested_groups_cost_what_they_are_long() -> None:
    """As deep as an expression may be."""
    deep = "(" * 39 + "a" + ")" * 39
    start = time.process_time()
    assert Expression(deep).found_in("cat")
    assert time.process_time() - start < 0.5
