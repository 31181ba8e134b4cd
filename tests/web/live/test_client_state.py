"""The reader's view: whatever a browser sends, it is a view that can be drawn."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import BadRequest

from thalia_monitor.figures.chart import X_TITLES, View
from thalia_monitor.web.live.client_state import UNREADABLE, ClientState, in_address, view_from

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("x", "smooth", "start", "end", "log", "clip", "markers", "hidden", "pins", "unknown")
views = st.dictionaries(st.sampled_from(FIELDS), json_values)
names = st.frozensets(st.text(max_size=5), max_size=3)
proper = st.builds(
    View,
    x=st.sampled_from(list(X_TITLES)),
    smooth=st.floats(0, 0.999),
    log=names,
    clip=names,
    markers=names,
    hidden=names,
)


@given(json_values | views)
def test_any_json_is_a_valid_view(data: Any) -> None:
    """Nothing that a browser or an address can say raises, and every value is within its bounds."""
    view = view_from(data)
    assert view.x in X_TITLES
    assert 0 <= view.smooth <= 0.999
    assert (view.start is None) == (view.end is None) == (not view.zoomed)
    if view.start is not None and view.end is not None:
        assert math.isfinite(view.start) and math.isfinite(view.end) and view.start < view.end
    for each in (view.log, view.clip, view.markers, view.hidden, view.pins):
        assert all(isinstance(name, str) for name in each)


def test_nothing_said_is_the_usual_view() -> None:
    """A browser that has not spoken yet sees the whole run by step."""
    assert view_from(None) == view_from({}) == View()


def test_what_is_said_is_kept() -> None:
    """Every part of a view arrives."""
    said = {"x": "wall", "smooth": 0.6, "start": 1, "end": 2.5, "log": ["loss"], "clip": ["a"], "pins": ["b"]}
    view = view_from(said | {"markers": ["growth"], "hidden": ["cortex"]})
    assert (view.x, view.smooth, view.start, view.end) == ("wall", 0.6, 1.0, 2.5)
    lists = [view.log, view.clip, view.pins, view.markers, view.hidden]
    assert [list(each) for each in lists] == [["loss"], ["a"], ["b"], ["growth"], ["cortex"]]


@settings(max_examples=50)
@given(proper, proper)
def test_different_views_have_different_keys(one: View, other: View) -> None:
    """What was drawn for one is never shown for the other, whatever metrics and regions are called."""
    assert (one.key == other.key) == (one == other)


def test_names_with_commas_and_bars_do_not_make_two_views_one() -> None:
    """A region may be called anything."""
    pairs = [({"a,b"}, {"a", "b"}), ({"a|b"}, {"a"}), (set[str](), {""})]
    for one, other in pairs:
        assert View(log=frozenset(one)).key != View(log=frozenset(other)).key
    assert View(log=frozenset({"a"})).key != View(clip=frozenset({"a"})).key


def test_pins_change_the_page_and_not_the_charts() -> None:
    """A chart that was drawn before a pin serves after it."""
    assert View(pins=frozenset({"a"})).key == View().key


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_names_in_an_address_are_told_apart(listed: list[str]) -> None:
    """Read back as a browser reads them: decoded, cut at the commas, each decoded once more."""
    written = unquote(",".join(in_address(name) for name in listed))
    assert written != "none"
    assert [unquote(name) for name in written.split(",")] == listed


@given(json_values, json_values, json_values)
def test_any_frame_and_view_is_a_client_state(held: Any, view: Any, near: Any) -> None:
    """Whatever a client sends of its frame, invalid values count as missing."""
    names = ("run", "known", "named", "notices", "standing")
    client = ClientState.parse(dict.fromkeys(names, held), view, near)
    assert client.run == client.notices == (held if isinstance(held, str) else None)
    assert client.shown is None or {"run", "version"} <= client.shown.keys()
    assert client.status is None or isinstance(client.status, str)
    assert client.near is None or all(len(each) == 2 for each in client.near)


def test_a_client_state_has_what_the_browser_shows() -> None:
    """Run, version, status, charts on the screen, and what each chart and panel shows."""
    held = {
        "run": "a",
        "known": {"run": "a", "version": "7", "read": 1.5},
        "named": ["a", 3],
        "notices": "9f",
        "standing": {"status": UNREADABLE},
    }
    charts = ([{"type": "chart", "kind": "metric", "name": "loss"}], [None])
    client = ClientState.parse(
        held,
        {"x": "wall"},
        [["metric", "loss"], 7, ["metric", "x", "ahead"]],
        charts,
        ([{"name": "cards"}], ["7"]),
    )
    assert (client.run, client.shown, client.status) == ("a", held["known"], UNREADABLE)
    assert (client.names, client.notices, client.view.x) == (["a", 3], "9f", "wall")
    assert client.near == frozenset({("metric", "loss")})
    assert client.ahead == frozenset({("metric", "x")})
    assert (client.charts, client.charts_shown) == charts
    assert (client.panels, client.panels_shown) == ([{"name": "cards"}], ["7"])


def test_browsers_that_show_the_same_have_one_digest() -> None:
    """Whenever they read the version, and in whichever order they name charts; anything else that differs counts."""

    def digest(view: Any = None, near: Any = None, **held: Any) -> bytes:
        known = {"run": "a", "version": "7", "read": held.pop("read", 1.5)}
        return ClientState.parse({"known": known} | held, view, near).digest

    pairs = [["metric", "loss"], ["metric", "x"]]
    assert digest(read=2.5) == digest()
    assert digest(near=pairs) == digest(near=pairs[::-1])
    different = [
        digest(),
        digest(near=pairs),
        digest(near=pairs[:1]),
        digest({"x": "wall"}),
        digest({"pins": ["loss"]}),
        digest(run="b"),
        digest(notices="9f"),
        digest(standing={"status": UNREADABLE}),
        digest(known={"run": "a", "version": "8", "read": 1.5}),
    ]
    assert len({*different}) == len(different)


def test_only_a_chart_on_the_screen_or_close_to_it_is_opened() -> None:
    """One further down stays undrawn for as long as nobody scrolls there."""
    ids = [{"kind": "metric", "name": name} for name in ("loss", "reward")]

    def opens(drawn: list[Any], near: Any) -> bool:
        return ClientState.parse({}, None, near, (ids, drawn)).opens_charts

    loss = [["metric", "loss"]]
    assert opens([None, {"version": "a:7"}], loss)
    assert not opens([{"version": "a:7"}, None], loss)
    assert opens([{"version": "a:7"}, None], [*loss, ["metric", "reward", "ahead"]])
    assert opens([{"version": "a:7"}, None], None)


@pytest.mark.parametrize(
    "charts",
    [("x", []), ([{"kind": "metric"}], [None]), ([{"kind": "a", "name": "b"}], []), ([None], [None])],
)
def test_ids_that_no_page_sends_are_refused(charts: Any) -> None:
    """Without valid ids, one value for each, there is nothing to answer."""
    with pytest.raises(BadRequest):
        ClientState.parse({}, charts=charts)
