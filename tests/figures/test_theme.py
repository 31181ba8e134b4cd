"""How figures look: hostile names made harmless, and colours that never change hands."""

from __future__ import annotations

import html
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thalia_monitor.figures import theme
from thalia_monitor.figures.theme import PALETTE, REGIONS, layout, plain, region_style

hostile = st.text(st.characters(), max_size=400) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "<a href='javascript:alert(1)'>x</a>",
        "&lt;b&gt;",
        "thal\u202eamus\u2066",
        "pre\x07frontal\x1b[31m\x00",
        "\ud800",
        "x" * 10_000,
        "\n" * 300,
    ]
)


@given(hostile, st.integers(2, 80))
def test_plain_text_is_short_visible_and_no_markup(text: str, longest: int) -> None:
    """Whatever a log names its regions: no tag, no control or direction-changing character, never endless."""
    kept = plain(text, longest)
    seen = html.unescape(kept)
    assert "<" not in kept and ">" not in kept
    assert len(seen) <= longest
    assert not [each for each in seen if unicodedata.category(each)[0] == "C"]
    kept.encode()  # nothing that UTF-8 cannot say


@given(st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=60))
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    """Letters and digits are nobody's attack."""
    assert plain(name) == name


def test_what_looks_like_an_entity_is_shown_as_typed() -> None:
    """Plotly would turn it into the character it stands for."""
    assert plain("a &lt; b & c") == "a &amp;lt; b &amp; c"


@given(hostile)
def test_every_region_has_a_colour_and_a_dash(region: str) -> None:
    """Of the colours that can be distinguished, always the same for a name."""
    style = region_style(region)
    assert style["color"] in PALETTE
    assert style["dash"] in ("dot", "dash", "dashdot") or region in REGIONS
    assert region_style(region) == style


@pytest.mark.parametrize(
    ("region", "color", "dash"),
    [
        ("cortex", "#1271d1", "solid"),
        ("hippocampus", "#e56d88", "12px,3px"),
        ("cerebellum", "#1f7549", "5px,3px"),
        ("amygdala", "#ab9026", "dashdot"),
        ("cortex_l4", "#1271d1", "dash"),
    ],
)
def test_a_regions_colour_is_the_same_after_every_restart(region: str, color: str, dash: str) -> None:
    """It depends on nothing but the name: not on order, run, process or version."""
    assert region_style(region) == {"color": color, "dash": dash}


def test_thalias_own_regions_are_told_apart() -> None:
    """With colours and without: no two of them share a colour or a stroke, and no other region has one of theirs."""
    strokes = {region_style(each)["dash"] for each in REGIONS}
    assert len({region_style(each)["color"] for each in REGIONS}) == len(strokes) == len(REGIONS)
    assert all(region_style(f"area {number}")["dash"] not in strokes for number in range(100))


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=24))
def test_lines_of_one_chart_are_told_apart(names: list[str]) -> None:
    """Up to 24; a name that comes later changes none before it."""
    styles = theme.distinct_styles(names)
    assert len({tuple(each.items()) for each in styles.values()}) == len(names)
    assert theme.distinct_styles(names[:-1]) == {name: styles[name] for name in names[:-1]}


def test_a_line_has_the_style_of_its_name_where_that_is_free() -> None:
    """And when all are taken, it has it again."""
    names = [f"task {number}" for number in range(40)]
    styles = theme.distinct_styles(names)
    assert styles["task 0"] == theme.region_style("task 0")
    assert styles["task 39"] == theme.region_style("task 39")


def test_a_layout_never_forgets_the_readers_view() -> None:
    """``uirevision`` is the same from the first figure on, and a caller cannot change the shared parts."""
    first, second = layout(), layout(x_title="wall clock")
    assert first["uirevision"] == second["uirevision"]
    first["xaxis"]["title"]["text"] = "changed"
    assert layout()["xaxis"]["title"]["text"] == "step"
    assert "title" in theme.AXIS and "text" not in theme.AXIS["title"]


def test_words_of_javascript_are_keys_like_any_other() -> None:
    """Plotly decodes the reference; it is no property that each of its objects has."""
    for word in ("__proto__", "constructor", "toString", "hasOwnProperty"):
        assert theme.key(word) != word
        assert html.unescape(theme.key(word)) == word
    assert theme.key("cortex") == "cortex"


def test_names_that_are_cut_stay_apart() -> None:
    """Two categories of the same text would be one, with the values of either on top of the other."""
    names = [f"{'a very long name of a region'} {number}" for number in range(3)]
    labels = theme.categories([*names, "short"])
    assert list(labels) == [*names, "short"]
    assert len(set(labels.values())) == 4
    assert labels["short"] == "short"


def test_a_legend_shows_the_stroke_of_each_region() -> None:
    """As Plotly draws it; no two of Thalia's regions look alike without their colour."""
    masks = [theme.stroke_mask(theme.region_style(region)["dash"]) for region in theme.REGIONS]
    assert masks[0] == "repeating-linear-gradient(90deg, black 0px 1px)"
    assert masks[1] == "repeating-linear-gradient(90deg, black 0px 12px, transparent 12px 15px)"
    assert len(set(masks)) == len(masks)
