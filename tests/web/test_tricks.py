"""Path tricks in every parameter of every address and callback: nothing outside is read, nothing fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dash
import pytest
from dash import Dash

from tests.screen import Screen
from tests.support import Run
from thalia_monitor.reading.library import run_id
from thalia_monitor.web.app import create_app

TREASURE = "buried-treasure"
FORMS = (
    "{0}",
    "../../{1}/secret",
    "..\\..\\{1}\\secret",
    "file://{0}",
    "{0}\0",
    "%2e%2e/{1}/secret",
    "~root/{0}",
)
"""Of the path of a run that is not below the root: absolute, climbing, of another system, as an address, cut off."""
ENCODED = (
    lambda text: text,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
)


@pytest.fixture
def site(tmp_path: Path) -> Dash:
    """An application on a root beside which another run lies that nobody may see."""
    for name in ("root/run", "secret"):
        (tmp_path / name).mkdir(parents=True)
    Run(tmp_path / "root" / "run").metrics(1, 2, 3)
    secret = Run(tmp_path / "secret")
    secret.metrics(1, **{TREASURE: 1.0})
    secret.metadata(1, milestones={TREASURE: True}, metrics={TREASURE: 1.0})
    return create_app(root=(tmp_path / "root",))


@pytest.fixture
def tricks(tmp_path: Path) -> list[str]:
    """Every form of the secret's path, as it is, encoded, and encoded twice; its id, too."""
    forms = [form.format(tmp_path / "secret", tmp_path.name) for form in FORMS]
    return [encode(form) for form in forms for encode in ENCODED] + [run_id(tmp_path / "secret")]


def test_no_address_leads_outside(site: Dash, tricks: list[str], tmp_path: Path) -> None:
    """Every parameter of every page and of the API, and every part of an address."""
    client = site.server.test_client()
    known = run_id(tmp_path / "root" / "run")
    pages = [page["path"] for page in dash.page_registry.values()]
    asked = [
        *((page, ("run", "runs", "base", "of", "origin", "at", "find", "x", "pin")) for page in pages),
        *((f"/api/v1/runs/{known}/series", (name,)) for name in ("name", "points", "from", "to")),
        *((f"/api/v1/runs/{known}/export.csv", (name,)) for name in ("name", "from", "to")),
        (f"/api/v1/runs/{known}/summary", ("format",)),
    ]
    for trick in tricks:
        for path, names in asked:
            harmless(client.get(path, query_string=dict.fromkeys(names, trick)), f"{path}?{names}={trick!r}")
        for path in ("/", "/assets/", "/_dash-component-suites/", "/api/", "/api/v1/runs/"):
            harmless(client.get(path + quote(trick, safe="/%\\")), f"{path}{trick!r}")


def harmless(answer: Any, what: str) -> None:
    """An answer neither fails nor holds what lies outside."""
    assert answer.status_code < 500, what
    said = answer.get_data(as_text=True)
    assert f'"{TREASURE}"' not in said and f",{TREASURE}" not in said, what
    answer.close()


def filled(app: Dash, trick: str, known: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every callback of the server as a tampered page would call it, with the trick in each text that it sends."""
    shapes: dict[str, Any] = {
        "live-run": trick,
        "live-version": {"run": trick, "version": trick},
        "compare-chosen": dict.fromkeys(("base", "series", "origin", "step"), trick)
        | {"runs": [trick, known]},
        "compare-asked": {"chosen": {"runs": [trick], "base": trick, "series": trick}},
        "runs-asked": {"query": trick, "page": trick},
        "view": dict.fromkeys(("x", "smooth", "start", "log", "clip", "pins", "hidden"), trick),
    }
    names = {"kind": f"compare~{trick}", "name": trick, "option": trick, "type": "chart"}

    def named(pattern: str) -> dict[str, str]:
        parts: dict[str, Any] = json.loads(pattern)
        return {key: part if isinstance(part, str) else names.get(key, trick) for key, part in parts.items()}

    def value(each: dict[str, str]) -> Any:
        if each["id"].startswith("{"):
            pressed = 0 if each["property"] == "n_clicks" else trick  # a number is all that a button sends
            return [{"id": named(each["id"]), "property": each["property"], "value": pressed}]
        order = {"column": trick, "ascending": trick}
        return each | {"value": order if each["id"].endswith("-sort") else shapes.get(each["id"], trick)}

    def output(name: str) -> Any:
        identifier, _, changed = name.rpartition(".")
        if identifier.startswith("{"):
            return [{"id": named(identifier), "property": changed}]
        return {"id": identifier, "property": changed}

    for spec, callback in app.callback_map.items():
        made = [output(name) for name in spec.strip(".").split("...")]
        yield (
            spec,
            {
                "output": spec,
                "outputs": made if spec.startswith("..") else made[0],
                "changedPropIds": [f"{each['id']}.{each['property']}" for each in callback["inputs"]],
                "inputs": [value(each) for each in callback["inputs"]],
                "state": [value(each) for each in callback["state"]],
            },
        )


def test_no_callback_leads_outside(site: Dash, tricks: list[str], tmp_path: Path) -> None:
    """Whatever text a tampered page sends in whatever place, it is a run, a series or a choice that is not there."""
    client = site.server.test_client()
    client.get("/")
    failed = set()
    for trick in tricks:
        for spec, body in filled(site, trick, run_id(tmp_path / "root" / "run")):
            answer = client.post("/_dash-update-component", json=body)
            if answer.status_code >= 500:
                failed.add(spec[:80])
            else:
                harmless(answer, f"{spec}: {trick!r}")
    assert failed == set()


NONSENSE: tuple[Any, ...] = (
    *(None, 5, -1, "x", True, [], [1], ["a"], [["a"]], {}),
    *({"run": 5}, {"run": []}, {"version": []}, {"axes": "step False False True"}, {"run": "x"}),
)
"""What a page of ours says of hardly anything."""


@pytest.mark.parametrize("path", ["/", "/metrics", "/growth"])
def test_what_no_page_says_of_itself_is_no_failure(site: Dash, path: str) -> None:
    """A tick, and a look, of a page that tells nonsense of what it shows are answered or refused."""
    screen = Screen(site.server.test_client(), path)
    statuses = set()
    for changed in ("live-pulse.data", "view.data"):
        asked = screen.question("frame-header.children", changed)
        for part in (*asked["inputs"], *asked["state"]):
            for each in part if isinstance(part, list) else [part]:
                said = each["value"]
                for each["value"] in NONSENSE:
                    statuses.add(screen.client.post("/_dash-update-component", json=asked).status_code)
                each["value"] = said
            if isinstance(part, list) and part:
                left = part.pop()
                statuses.add(screen.client.post("/_dash-update-component", json=asked).status_code)
                part.append(left)
    assert statuses == {200, 204, 400}
