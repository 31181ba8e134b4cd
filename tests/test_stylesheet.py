"""One stylesheet, and a handful of tokens for colour, type and space that everything on a page is made of."""

from __future__ import annotations

import re

import pytest

from tests.support import ROOT
from thalia_monitor.figures import theme

SHEET = re.sub(r"/\*.*?\*/", "", (ROOT / "assets/monitor.css").read_text(encoding="utf-8"), flags=re.DOTALL)
TOKENS = dict(re.findall(r"(--[\w-]+):\s*([^;]+);", SHEET.split("}")[0]))
"""Those of the light theme; the dark one only gives some of them other colours."""
DECLARATIONS = [
    (name, value)
    for block in re.findall(r"\{([^{}]*)\}", SHEET)
    for name, value in re.findall(r"([\w-]+):\s*([^;]+)", block)
    if name not in TOKENS
]
"""Every property that is set anywhere, with its value; the tokens themselves left out."""
LENGTH = re.compile(r"(?<![\w.-])-?(?:\d*\.)?\d+(?:px|r?em|%)")
HAIRLINE = "1px"


def values(*properties: str) -> list[str]:
    """What these properties, or those that begin with one of them, are set to anywhere."""
    return [
        value
        for name, value in DECLARATIONS
        if any(name == each or name.startswith(f"{each}-") for each in properties)
    ]


def test_every_colour_is_a_token() -> None:
    """No colour is written out anywhere else: a theme is its tokens."""
    written = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|white|black|red|green|blue|gr[ae]y)\b")
    assert [each for each in DECLARATIONS if written.search(each[1])] == []


@pytest.mark.parametrize(
    "properties", [("padding", "margin", "gap", "column-gap", "row-gap"), ("border-radius",)]
)
def test_every_space_and_corner_is_a_token(properties: tuple[str, ...]) -> None:
    """But for a hairline, and none at all."""
    odd = [value for value in values(*properties) if set(LENGTH.findall(value)) - {HAIRLINE}]
    assert odd == []


def test_every_text_has_one_of_four_sizes_and_two_weights() -> None:
    """The wall alone sets another size, which all the others are told in."""
    sizes = {value for value in values("font-size") if "--by" not in value}
    assert sizes == {f"var(--text-{size})" for size in ("s", "m", "l", "xl")}
    assert set(values("font-weight")) == {"400", "600"}


def test_every_token_is_used_and_every_one_used_is_there() -> None:
    """A handful is not a drawer of leftovers."""
    used = set(re.findall(r"var\((--[\w-]+)", SHEET))
    assert set(TOKENS) == used - {"--by", "--course"}  # set on the wall, and for each small course


def test_both_themes_name_the_same_colours() -> None:
    """What is dark on a light page is light on a dark one; only what is written on the accent stays."""
    colours = {name for name, value in TOKENS.items() if value.startswith("#")}
    dark = set(re.findall(r"(--[\w-]+):", SHEET.partition('[data-bs-theme="dark"] {')[2].partition("}")[0]))
    assert colours - dark == {"--action", "--action-hover", "--on-action"}
    assert dark <= colours


def test_a_chart_is_written_as_small_as_the_small_text_beside_it() -> None:
    """Plotly takes pixels; a browser's root is 16 of them."""
    assert TOKENS["--text-s"] == f"{theme.SMALL / 16}rem"
