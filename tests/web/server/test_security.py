"""What holds for every answer: headers, no cross-origin reading, bounded requests, and errors without tracebacks."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dash import Dash

from tests.support import Run, callback_body
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server.security import HEADERS, policy

SUITES = ("dash/deps/polyfill@7.min.js", "plotly/package_data/plotly.min.js")


def addresses(app: Dash, run: str) -> Iterator[tuple[str, str]]:
    """Every route with every method it takes, a real and an unreal value for each part of its address."""
    for rule in app.server.url_map.iter_rules():
        for method in sorted(rule.methods or ()):
            for path, name in (("metrics", run), ("%2e%2e/etc/passwd", "%00")):
                address = rule.rule
                for part in rule.arguments:
                    for form in (f"<path:{part}>", f"<string:{part}>", f"<{part}>"):
                        address = address.replace(form, path if "path:" in form else name)
                yield method, address
    yield "GET", "/_dash-component-suites/" + SUITES[0]
    yield "GET", "/assets/monitor.css"
    yield "BREW", "/"


def test_every_route_wears_the_headers(app: Dash, client: Any, run: Run) -> None:
    """Whatever the address, the method and the outcome, the answer has the policy and allows no other origin."""
    key = client.get("/api/v1/runs").json["runs"][0]["id"]
    seen = set()
    for method, address in addresses(app, key):
        answer = client.open(address, method=method, headers={"Origin": "https://evil.example"})
        seen.add(answer.status_code)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"], address
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, address
        assert not any(name.lower().startswith("access-control-") for name, _ in answer.headers), address
        assert b"Traceback" not in answer.get_data()
        assert answer.status_code != 500, (method, address)
        answer.close()
    assert {200, 400, 404, 405} - seen <= {400}


def test_scripts_need_a_hash_or_our_own_address() -> None:
    """The policy allows no inline script, no evaluation and no other host for scripts."""
    scripts = dict(rule.split(" ", 1) for rule in policy(["'sha256-x'"]).split("; "))["script-src"]
    assert scripts == "'self' 'sha256-x'"


def test_a_page_carries_the_hashes_of_exactly_its_inline_scripts(client: Any) -> None:
    """The first page, and the next one, name Dash's inline scripts; data answers name none."""
    for address in ("/metrics", "/growth"):
        assert client.get(address).headers["Content-Security-Policy"].count("'sha256-") == 2
    assert "sha256" not in client.get("/api/v1/runs").headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/api/v2/nothing", 404),
        ("GET", "/api/v1/runs/unknown", 404),
        ("POST", "/api/v1/runs", 405),
        ("GET", "/api/v1/runs/%2e%2e%2f%2e%2e/series", 404),
    ],
)
def test_errors_of_the_api_have_one_shape(client: Any, method: str, address: str, status: int) -> None:
    """Under ``/api`` every error is one JSON sentence."""
    answer = client.open(address, method=method)
    assert answer.status_code == status
    assert list(answer.json) == ["error"]
    assert answer.json["error"].endswith(".")


def test_a_failure_inside_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    """What nobody foresaw becomes a 500 with one sentence; the traceback is in the log only."""
    app = create_app(run.directory)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("thalia_monitor.web.context.Monitor.state", fail)
    key = app.server.test_client().get("/api/v1/runs").json["runs"][0]["id"]
    answer = app.server.test_client().get(f"/api/v1/runs/{key}")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert list(answer.json) == ["error"]
    assert "a secret detail" in caplog.text


LOUD = {
    "DASH_MCP_ENABLED": "True",
    "dash_mcp_enabled": "true",
    "DASH_MCP_PATH": "tools",
    "DASH_DEBUG": "true",
    "DASH_UI": "true",
    "DASH_PROPS_CHECK": "true",
    "DASH_HOT_RELOAD": "true",
    "DASH_SERVE_DEV_BUNDLES": "true",
    "DASH_PRUNE_ERRORS": "false",
    "DASH_ASSETS_EXTERNAL_PATH": "https://evil.example/",
    "DASH_INCLUDE_ASSETS_FILES": "false",
    "DASH_SUPPRESS_CALLBACK_EXCEPTIONS": "true",
    "DASH_COMPRESS": "true",
    "DASH_APP_NAME": "other",
    "DASH_URL_BASE_PATHNAME": "/other/",
    "DASH_ROUTES_PATHNAME_PREFIX": "/other/",
    "DASH_REQUESTS_PATHNAME_PREFIX": "/other/",
    "FLASK_DEBUG": "1",
}


def test_the_environment_does_not_open_what_dash_has(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of Dash's variables set, addresses, headers and the page are the same as with none."""

    def seen() -> tuple[Any, ...]:
        app = create_app(run.directory)
        rules = {(rule.rule, *sorted(rule.methods or ())) for rule in app.server.url_map.iter_rules()}
        page = app.server.test_client().get("/metrics")
        text = re.sub(r'"end_id":"[^"]*"', "", page.text)
        return (
            rules,
            text,
            app.server.debug,
            app._dev_tools,
            app.server.test_client().post("/_mcp").status_code,
        )

    without = seen()
    for name, value in LOUD.items():
        monkeypatch.setenv(name, value)
    assert seen() == without
    assert without[-1] == 405
    assert "evil.example" not in without[1]
    assert os.environ["DASH_DEBUG"] == "true", "another app of this process may use it"


def test_a_request_is_bounded(client: Any) -> None:
    """A body larger than a page ever sends is refused before it is read in."""
    answer = client.post("/_dash-update-component", data=b"x" * (2 << 20), content_type="application/json")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        *([], 5, {}, {"output": "x.y"}, {"output": ["frame-header.children"]}, {"output": "a", "inputs": 5}),
        {"output": "live-tick.interval", "outputs": {}, "inputs": []},  # one of those that run in the browser
    ],
)
def test_a_malformed_callback_is_refused(client: Any, body: Any, caplog: Any) -> None:
    """A body that no page of ours sends is a 400, not a failure in the log."""
    client.get("/")
    assert client.post("/_dash-update-component", json=body).status_code == 400
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("value", "status"),
    [('"loss"', 200), ('"a\\ud800"', 400), ('{"\\udfff": 1}', 400), ("NaN", 400), ("Infinity", 400)],
)
def test_a_callback_with_what_no_answer_can_hold_is_refused(
    run: Run, value: str, status: int, caplog: Any
) -> None:
    """NaN, and half of a surrogate pair, as a name too: they are a 400, not a failure in the log."""
    app = create_app(run.directory)
    body = json.dumps(callback_body(app, "compare-table.children", {"compare-chosen.data": {"series": "?"}}))
    answer = app.server.test_client().post(
        "/_dash-update-component", data=body.replace('"?"', value), content_type="application/json"
    )
    assert answer.status_code == status
    assert caplog.text == ""


def test_a_callback_from_another_site_is_refused(client: Any) -> None:
    """A form of another site can post text but no JSON, and JSON needs a permission that is never given."""
    assert client.post("/_dash-update-component", data="{}", content_type="text/plain").status_code == 415
    asked = client.options("/_dash-update-component", headers={"Origin": "https://evil.example"})
    assert not any(name.lower().startswith("access-control-") for name, _ in asked.headers)


def test_forwarded_headers_count_only_behind_a_proxy(run: Run) -> None:
    """``X-Forwarded-*`` is believed only with ``behind_proxy``: else anyone could set them."""
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lab.example"}
    plain = create_app(run.directory).server.test_client().get("/api", headers=forwarded)
    assert plain.location == "http://localhost/api/"
    behind = create_app(run.directory, behind_proxy=True, allowed_host=("lab.example",))
    answer = behind.server.test_client().get("/api", headers=forwarded)
    assert answer.location == "https://lab.example/api/"


def test_no_file_outside_is_served(client: Any, tmp_path: Path) -> None:
    """Path tricks in an asset's or a script's address reach nothing."""
    (tmp_path / "secret.txt").write_text("a buried treasure")
    for trick in ("../", "..%2f", "%2e%2e/", "%252e%252e/", "..\\", "/", "%00"):
        for prefix in ("/assets/", "/_dash-component-suites/dash/", "/"):
            answer = client.get(f"{prefix}{trick * 8}{str(tmp_path).lstrip('/')}/secret.txt")
            assert "treasure" not in answer.get_data(as_text=True)
            answer.close()
