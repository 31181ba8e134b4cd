"""The direction of the floors: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "thalia_monitor"
FLOORS = (
    {"_version", "errors", "contract", "metric_info", "stages", "system"},
    {"model"},
    {"settings", "logger", "demo", "reading", "analysis"},
    {"figures", "check", "terminal", "alerts"},
    {"web"},
    {"cli", "__main__", "__init__"},
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
FORBIDDEN = {
    "reading": {"plotly", "dash", "flask", "thalia_monitor.analysis", "thalia_monitor.figures"},
    "analysis": {"plotly", "dash", "flask", "pathlib", "os", "thalia_monitor.reading"},
    "alerts": {"plotly", "dash", "flask"},
    "figures": {"dash", "flask", "pathlib", "thalia_monitor.reading"},
    "pages": {"flask", "pathlib", "thalia_monitor.reading", "thalia_monitor.web.app"},
}
MODULES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "pages").glob("*.py")])


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports when it is loaded: not inside functions, not for type checkers only."""
    waiting: list[ast.stmt] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Try):
            waiting += node.body


def floor(path: Path) -> str:
    """The floor a file stands on: a folder's or a module's name."""
    if path.parent.name == "pages":
        return "pages"
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_what_is_below_it(path: Path) -> None:
    """No module imports a higher floor, nor what its own floor must not know."""
    here = floor(path)
    for name in imports(path):
        if name.startswith("thalia_monitor.") and here != "pages":
            there = name.split(".")[1]
            height = HEIGHT.get(there)
            if height is not None and here in HEIGHT:
                assert height <= HEIGHT[here], f"{path.name} imports {name}, a higher floor"
        for forbidden in FORBIDDEN.get(here, set()):
            assert not (name + ".").startswith(forbidden + "."), f"{path.name} imports {name}"
        assert name.split(".")[0] not in {"pages", "tests", "fixtures"}, f"{path.name} imports {name}"


def test_every_module_has_a_floor() -> None:
    """A new module says where it belongs: none escapes the rule above."""
    assert {floor(path) for path in MODULES} - {"pages"} == set(HEIGHT)


def test_no_module_is_long() -> None:
    """A module above 400 lines hides a second noun."""
    long = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert {name: lines for name, lines in long.items() if lines > 400} == {}


def test_there_is_no_import_cycle() -> None:
    """Loading modules never needs one that is still being loaded."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path
        for path in MODULES
        if floor(path) != "pages"
    }
    edges = {
        name: {each for wanted in imports(path) for each in (wanted, wanted.rpartition(".")[0])} & set(names)
        for name, path in names.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name not in done:
            for other in sorted(edges[name] - {name}):
                visit(other, (*trail, name))
            done.add(name)

    for name in names:
        visit(name, ())
