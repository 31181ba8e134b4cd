"""Colours that can be distinguished with full vision and each kind of colour blindness, on light and dark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.colours import VISIONS, Triple, contrast, difference, hue, lab, smallest_difference
from thalia_monitor.figures.theme import ACCENT, BAD, CAUTION, GOOD, PALETTE, SECOND

ROOT: Final = Path(__file__).parents[2]
OKABE_ITO: Final = ("#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""The set that is taken for safe: Okabe & Ito, "Color Universal Design", 2008; Wong, Nature Methods 8, 2011."""
MARKS: Final = {"good": GOOD, "caution": CAUTION, "bad": BAD, "accent": ACCENT}


def tokens() -> dict[str, dict[str, str]]:
    """The stylesheet's colours: ``light`` and ``dark`` -> name -> ``#rrggbb``."""
    blocks = (ROOT / "assets" / "monitor.css").read_text(encoding="utf-8").split("}")[:2]
    return {
        theme: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for theme, block in zip(("light", "dark"), blocks, strict=True)
    }


def tones(theme: str) -> tuple[str, ...]:
    """The colours of regions and runs in a theme."""
    return tuple(tokens()[theme][f"tone-{number}"] for number in range(1, len(PALETTE) + 1))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # from the data that Sharma, Wu & Dalal published to test implementations with
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_measure_is_the_published_one(first: Triple, second: Triple, expected: float) -> None:
    """CIEDE2000 gives the published differences, to four places."""
    assert difference(first, second) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("vision", VISIONS)
def test_white_and_black_are_seen_by_everybody(vision: str) -> None:
    """No simulated deficiency tints what has no colour."""
    for grey in ("#000000", "#ffffff"):
        assert difference(lab(grey, vision), lab(grey)) < 0.5


@pytest.mark.parametrize(
    "colours",
    [
        pytest.param(PALETTE, id="regions and runs"),
        pytest.param(tuple(MARKS.values()), id="marks on charts"),
        *(
            pytest.param(tuple(tokens()[theme][name] for name in MARKS), id=f"words on {theme}")
            for theme in ("light", "dark")
        ),
        pytest.param(tones("dark"), id="regions and runs on dark"),
    ],
)
def test_no_two_look_alike_to_anybody(colours: tuple[str, ...]) -> None:
    """To nobody are any two of ours nearer to each other than the nearest two of Okabe and Ito's set are."""
    least, _, _, _ = smallest_difference(OKABE_ITO)
    assert least == pytest.approx(10.9, abs=0.05)
    found, vision, first, second = smallest_difference(colours)
    assert found > least, f"{first} and {second} are {found:.1f} apart with {vision} vision"


def test_on_dark_every_line_is_drawn_in_a_light_tone_of_its_hue() -> None:
    """4.5:1 to the card, where the tones for light have 3:1; each colour of a figure has its rule."""
    panel = tokens()["dark"]["panel"]
    assert tones("light") == PALETTE
    for before, tone in zip(PALETTE, tones("dark"), strict=True):
        assert contrast(tone, panel) >= 4.5 > contrast(before, panel) or contrast(tone, panel) >= 5, tone
        turn = (hue(tone) - hue(before) + 180) % 360 - 180
        assert abs(turn) <= 15 or before == PALETTE[-1], "a grey has no hue"
    sheet = (ROOT / "assets" / "monitor.css").read_text(encoding="utf-8")
    for colour in (*PALETTE, *MARKS.values(), SECOND):
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        for drawn in ("stroke", "fill"):
            assert (
                f'[data-bs-theme="dark"] .js-plotly-plot [style*="{drawn}: rgb({red}, {green}, {blue})"]'
                in sheet
            )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_line_stands_out_from_its_card(theme: str) -> None:
    """WCAG 2.2, 1.4.11: what must be seen to understand a graphic has a contrast of 3:1 to what is next to it."""
    panel = tokens()[theme]["panel"]
    for colour in (*PALETTE, *MARKS.values(), SECOND):
        assert contrast(colour, panel) >= 3, colour


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_can_be_read(theme: str) -> None:
    """WCAG 2.2, 1.4.3: text has 4.5:1, on cards, on the page and on the wash of each notice."""
    colours = tokens()[theme]
    grounds = ("panel", "page", "good-wash", "bad-wash", "caution-wash", "info-wash")
    for name in (*MARKS, "ink", "quiet"):
        for ground in grounds:
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)


def test_stylesheet_and_charts_mean_the_same_by_a_colour() -> None:
    """Good, bad, caution and the accent have the same hue in words and in charts, on light and on dark."""
    for name, mark in MARKS.items():
        for theme in ("light", "dark"):
            turn = (hue(tokens()[theme][name]) - hue(mark) + 180) % 360 - 180
            assert abs(turn) <= 15, (name, theme)


def test_the_docs_quote_what_is_measured() -> None:
    """The numbers that docs/health.md gives for our palette are the ones found here."""
    text = (ROOT / "docs" / "health.md").read_text(encoding="utf-8")
    for vision in VISIONS:
        seen = [lab(colour, vision) for colour in PALETTE]
        least = min(difference(a, b) for at, a in enumerate(seen) for b in seen[at + 1 :])
        assert re.search(rf"{vision}[^|]*\| {least:.1f} \|", text), f"{vision}: {least:.1f}"
