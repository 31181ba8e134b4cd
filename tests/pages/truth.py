"""Tables of what pages must show of a run: a page, a part of it, and the words that were worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.screen import CHART, Screen, parts, words
from tests.support import Run
from thalia_monitor.web.app import create_app

PAGES: Final = (
    *("/", "/curriculum", "/metrics", "/growth", "/activity", "/consolidation", "/milestones", "/events"),
    *("/values", "/compare", "/checkpoints", "/diagnostics"),
)
"""Every page of a run."""
Row = tuple[str, "Part", object]
"""A page, a part of it, and what that must show."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a page: its name for a failed test's output, and how it is read."""

    name: str
    read: Callable[[Screen], object]


def differences(run: Run, table: Iterable[Row]) -> list[str]:
    """Open each page of a table; every part that shows something else than it must."""
    client = create_app(run.directory).server.test_client()
    screens: dict[str, Screen] = {}
    found = []
    for path, part, expected in table:
        screen = screens.setdefault(path, screens.get(path) or Screen(client, path))
        shown = part.read(screen)
        if shown != expected:
            found.append(f"{path}, {part.name}: {shown!r} instead of {expected!r}")
    return found


def everywhere(*rows: tuple[Part, object]) -> Iterator[Row]:
    """These parts, on every page."""
    return ((path, part, expected) for path in PAGES for part, expected in rows)


def fact(label: str) -> Part:
    """A number with its detail: ``3,600/4,000 90%``. Of several with one label, all of them, in their order."""

    def read(screen: Screen) -> object:
        found = [
            words(each["props"]["children"][1:]).strip()
            for each in parts(screen.layout)
            if str(each["props"].get("className", "")).split()[:1] == ["fact"]
            and words(each["props"]["children"][0]) == label
        ]
        return found[0] if len(found) == 1 else found

    return Part(f"fact {label}", read)


def facts(panel: str) -> Part:
    """Every number of a panel with its label, in words."""

    def read(screen: Screen) -> object:
        return [
            words(each).strip()
            for each in parts(screen.component(_panel(panel)))
            if each["props"].get("className") == "fact"
        ]

    return Part(f"facts of {panel}", read)


def rows(caption: str) -> Part:
    """Every row of a table: its cells, with strokes between them."""
    return Part(f"table {caption}", lambda screen: _rows(screen, caption))


def row(caption: str, first: str) -> Part:
    """The row of a table that begins with a cell."""

    def read(screen: Screen) -> object:
        return next((each for each in _rows(screen, caption) if each.split(" | ")[0] == first), None)

    return Part(f"row {first} of {caption}", read)


def lead(panel: str) -> Part:
    """The sentences that a panel begins with."""

    def read(screen: Screen) -> object:
        found = parts(screen.component(_panel(panel)))
        return [words(each) for each in found if "lead-in" in str(each["props"].get("className", ""))]

    return Part(f"sentences of {panel}", read)


def block(title: str) -> Part:
    """A block of the overview, without its title."""

    def read(screen: Screen) -> object:
        for each in parts(screen.component("page")):
            if "block" in str(each["props"].get("className", "")).split():
                head, *rest = each["props"]["children"]
                if words(head) == title:
                    return words(rest).strip()
        return None

    return Part(f"block {title}", read)


def strip() -> Part:
    """The curriculum in small: what each stage's cell says, and how far it is filled."""

    def read(screen: Screen) -> object:
        [cells] = [
            each["props"]["children"]
            for each in parts(screen.component("page"))
            if each["props"].get("className") == "curriculum-strip"
        ]
        return [
            f"{each['props']['title']} [{each['props']['children'][1]['props']['style']['width']}]"
            for each in cells
        ]

    return Part("strip of stages", read)


def text(identifier: str) -> Part:
    """All that a component says."""
    return Part(identifier, lambda screen: screen.text(identifier).strip())


def summary(kind: str, name: str = "") -> Part:
    """A chart in words: what stands beside its title, and its description for who cannot see it."""

    def read(screen: Screen) -> object:
        said = screen.component({"type": "caption", "kind": kind, "name": name})["children"]
        return [found for each in said if (found := words(each))]

    return Part(f"chart {kind} {name}", read)


def bars(kind: str, name: str = "") -> Part:
    """The bars of a chart by trace: lane, where each begins and where it ends."""

    def read(screen: Screen) -> object:
        figure = screen.component({"type": CHART, "kind": kind, "name": name})["figure"]
        return {
            each["name"]: [
                (lane, start, start + length)
                for lane, start, length in zip(each["y"], each["base"], each["x"], strict=True)
            ]
            for each in figure["data"]
            if each["type"] == "bar"
        }

    return Part(f"bars of {kind}", read)


def has(sentence: str, of: str = "") -> Part:
    """Whether a page, or a component of it, says something; the expected value is True or False."""
    return Part(
        f"whether it says {sentence!r}",
        lambda screen: sentence in (screen.text(of) if of else screen.everything()),
    )


def _panel(name: str) -> Any:
    return {"type": "pane", "name": name}


def _rows(screen: Screen, caption: str) -> list[str]:
    found = []
    for region in parts(screen.layout):
        if region["props"].get("aria-label") == caption and region["props"].get("role") == "region":
            found += [
                " | ".join(words(cell).strip() for cell in each["props"]["children"])
                for each in parts(region)
                if each["type"] == "Tr" and each["props"]["children"][0]["type"] == "Td"
            ]
    return found
