"""What the package relies on, of Dash, Plotly, gunicorn, uvicorn and Flask-Caching, that none of them promises."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import version
from typing import Any

from dash import Dash
from dash._get_app import app_context
from packaging.requirements import Requirement
from plotly.offline import get_plotlyjs_version
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.support import ROOT, Run
from thalia_monitor.site_folders import PLOTLY, site_folder
from thalia_monitor.web import private_parts
from thalia_monitor.web.app import create_app

PRIVATE = re.compile(r"/_dash|\b_setup_server|\b_pages_|\b_dash|\bcallback_map|\bLISTENERS|_unset_keepalive")


CHECKED = {
    "dash": (">=4.4", "<4.5"),
    "plotly": (">=7.1", "<7.2"),
    "flask-caching": (">=2.5", "<2.6"),
    "gunicorn": (">=27.0", "<28"),
    "uvicorn": (">=0.40", "<0.55"),
}
"""Versions that ``web/private_parts.py`` and ``assets/01-dash.js`` were checked against: look at each private part
again before a bound is moved. The oldest and the newest of each were tried (docs/releasing.md)."""


def test_only_versions_that_private_parts_were_checked_against_are_installed() -> None:
    """The package requires the ranges above, no others, and what is installed here lies in them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {
        each.name: each.specifier for each in map(Requirement, project["optional-dependencies"]["server"])
    }
    for name, bounds in CHECKED.items():
        assert {str(each) for each in required[name]} == set(bounds), name
        assert required[name].contains(version(name)), name


def test_private_parts_are_used_in_one_module() -> None:
    """No other module reads an attribute with an underscore of an object that is not its own, or a private path."""
    found = []
    for path in sorted([*(ROOT / "thalia_monitor" / "web").rglob("*.py"), *(ROOT / "pages").glob("*.py")]):
        if path.name == "private_parts.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and re.search(
                r"^(dash|plotly|flask|gunicorn|uvicorn)\S*\._", str(node.module)
            ):
                found.append(f"{path.name}: from {node.module}")
            elif isinstance(node, ast.Attribute) and re.match(r"_(?!replace|asdict|fields)[a-z]", node.attr):
                if ast.unparse(node.value) not in {"self", "cls", "super()"}:
                    found.append(f"{path.name}: {ast.unparse(node)}")
            elif isinstance(node, ast.Attribute | ast.Constant):
                text = node.attr if isinstance(node, ast.Attribute) else node.value
                if isinstance(text, str) and PRIVATE.search(text):
                    found.append(f"{path.name}: {text!r}")
    assert found == []


def test_a_callback_of_the_server_is_known(run: Run) -> None:
    """One of the browser's own, and an output that nothing fills, are not; nor is what is no text."""
    app = create_app(run.directory)
    names = [name for name in app.callback_map if name.startswith("..live-version.data")]
    assert [private_parts.has_callback(app, name) for name in (*names, "page.no-such", None, {})] == [
        True,
        False,
        False,
        False,
    ]


def test_an_app_is_set_up_before_its_first_request(run: Run, client: Any) -> None:
    """A script of Dash's is served at once, though no page was written that names it."""
    create_app(run.directory)
    made = version("dash").replace(".", "_")
    assert client.get(f"/_dash-component-suites/dash/dcc/async-graph.v{made}m0.js").status_code == 200


def test_plotly_js_is_of_the_release_that_plotly_for_python_brings() -> None:
    """A new release of Plotly is a new bundle in assets/, too (docs/architecture.md)."""
    head = (site_folder("assets") / PLOTLY).read_text(encoding="utf-8")[:300]
    release = get_plotlyjs_version().rpartition(".")[0]
    assert f"plotly.js (cartesian - minified) v{release}." in head


def test_a_new_app_is_made_where_none_answers() -> None:
    """Whatever app has answered in this context."""
    token = app_context.set(Dash("other"))
    try:
        assert private_parts.context_without_app().run(app_context.get) is None
        assert app_context.get() is not None
    finally:
        app_context.reset(token)


def test_uvicorn_still_has_the_timer_of_an_idle_connection() -> None:
    """It is cancelled where a connection is refused or lost."""
    assert callable(H11Protocol._unset_keepalive_if_required)
