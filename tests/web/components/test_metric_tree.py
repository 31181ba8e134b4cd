"""The tree of metrics: names by the parts of their paths, counted, in bounds."""

from __future__ import annotations

from typing import Any

from tests.screen import Screen
from tests.support import Run
from thalia_monitor.web.app import create_app
from thalia_monitor.web.components.metric_cards import MOST_LEAVES, tree


def outline(parts: list[Any]) -> list[Any]:
    """Groups with their counts and what is in them, and the names that a click searches for."""
    found: list[Any] = []
    for each in parts:
        if type(each).__name__ == "Details":
            summary, inner = each.children
            group, count = summary.children
            found.append((group.children + count, outline(inner.children)))
        elif type(each).__name__ == "Button":
            found.append(each.to_plotly_json()["props"]["data-find"])
    return found


def test_names_are_nested_by_their_paths() -> None:
    """Each group has its count; slashes and dots both part, and stay in the names."""
    assert outline(tree(["a/b/x", "a/b/y", "a/z", "c.x"])) == [
        ("a/ 3", [("b/ 2", ["a/b/x", "a/b/y"]), "a/z"]),
        ("c. 1", ["c.x"]),
    ]


def test_odd_names_are_leaves() -> None:
    """Separators at the ends or doubled, and paths that are very deep."""
    assert outline(tree(["/x", "x/", "a//b"])) == ["/x", "x/", "a//b"]
    [(group, inner)] = outline(tree(["/".join("abcdefgh")]))
    assert group == "a/ 1"
    assert str(inner).endswith("'a/b/c/d/e/f/g/h'])])])]")


def test_the_tree_is_bounded() -> None:
    """Beyond 600 names the search has the others."""
    made = tree([f"task/{number}" for number in range(MOST_LEAVES + 5)])
    assert outline(made)[0][0] == f"task/ {MOST_LEAVES:,}"
    assert made[-1].children == "and 5 more: search for them"


def test_an_expression_finds_metrics_on_the_page(run: Run) -> None:
    """One that is none says what is wrong, and the page stays."""
    core = {"firing_rate": 0.1, "capacity": 0.5, "performance": 0.5}
    run.metrics(0, 10, weights={"a_mean": 1.0, "a_std": 0.5, "b_mean": 2.0}, **core)
    screen = Screen(create_app(run.directory).server.test_client(), "/metrics")
    screen.change("metrics-other-query", value="/[ab]_mean$/")
    assert screen.component("metrics-other-shown")["data"] == ["weights/a_mean", "weights/b_mean"]
    screen.change("metrics-other-query", value="/(/")
    assert "without its )" in screen.text("metrics-other-count")
    assert screen.component("metrics-other-shown")["data"] == []
