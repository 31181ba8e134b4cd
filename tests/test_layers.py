"""The direction of the floors: who may import whom."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGE = ROOT / "thalia_monitor"
FLOORS = (
    {"_version", "errors", "contract", "metric_info", "stages", "firing_ranges", "name_patterns"}
    | {"system", "site_folders"},
    {"model"},
    {"settings", "kept", "control_folder", "logger", "demo", "reading", "analysis"},
    {"figures", "check", "control", "terminal", "alerts", "export", "agents"},
    {"web"},
    {"cli", "__main__", "__init__"},
)
HEIGHT = {name: height for height, names in enumerate(FLOORS) for name in names}
FORBIDDEN = {
    "reading": {"plotly", "dash", "flask", "thalia_monitor.analysis", "thalia_monitor.figures"},
    "analysis": {"plotly", "dash", "flask", "pathlib", "os", "thalia_monitor.reading"},
    "alerts": {"plotly", "dash", "flask"},
    "export": {"plotly", "dash", "flask"},
    "agents": {"plotly", "dash", "flask"},
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


def test_no_page_is_long() -> None:
    """A page is layout and declarations: 70 lines at most."""
    pages = {path.name: len(path.read_text().splitlines()) for path in MODULES if floor(path) == "pages"}
    assert pages
    assert {name: lines for name, lines in pages.items() if lines > 70} == {}


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


def every_import() -> dict[str, set[str]]:
    """What each module of the package imports of it, inside functions too, not for type checkers only."""
    paths = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in MODULES
    }
    names = {name for name, path in paths.items() if floor(path) != "pages"}
    edges: dict[str, set[str]] = {}
    for name, path in paths.items():
        if name not in names:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        typing = [
            each
            for each in ast.walk(tree)
            if isinstance(each, ast.If) and "TYPE_CHECKING" in ast.dump(each.test)
        ]
        ignored = {id(node) for block in typing for node in ast.walk(block)}
        found: set[str] = set()
        for node in ast.walk(tree):
            if id(node) in ignored:
                continue
            if (isinstance(node, ast.ImportFrom) and node.module in names) or (
                isinstance(node, ast.ImportFrom) and node.module == "thalia_monitor"
            ):
                inner = {f"{node.module}.{each.name}" for each in node.names}
                found |= {each if each in names else str(node.module) for each in inner}
            elif isinstance(node, ast.Import):
                found |= {each.name for each in node.names} & names
        edges[name] = found - {name}
    return edges


def test_no_import_chain_is_deep() -> None:
    """From the command to the values everybody speaks in, 14 modules at most stand upon each other."""
    edges = every_import()

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(each) for each in edges[name]), key=len, default=()))

    longest = max((chain(name) for name in edges), key=len)
    assert len(longest) <= 14, " > ".join(longest)


def test_no_folder_is_large() -> None:
    """A folder above 20 modules hides a second subject."""
    folders = Counter(path.parent.name for path in MODULES if path.name != "__init__.py")
    assert {name: count for name, count in folders.items() if count > 20} == {}


def test_no_base_name_occurs_twice() -> None:
    """A module's name says which one it is; only a section's figures, and the logger's half of a format, share it."""
    names = Counter(
        path.stem
        for path in MODULES
        if path.name != "__init__.py" and floor(path) not in {"pages", "figures", "logger"}
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_few_modules_have_a_single_importer() -> None:
    """A module that one other imports is mostly a slice of it: one in ten at most.

    A page is no importer: it is loaded from its folder.
    """
    edges = every_import()
    importers = Counter(each for found in edges.values() for each in found)
    folders = {name.rpartition(".")[0] for name in edges}
    single = sorted(name for name in edges if importers[name] == 1 and name not in folders)
    assert len(single) <= len(edges) / 10, single
