"""Who may look: host names, names and passwords, and the API's token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bcrypt
import pytest
from werkzeug.datastructures import Authorization

from tests.screen import Screen
from tests.support import Run, serving
from thalia_monitor.errors import SettingsError
from thalia_monitor.settings import Settings
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server.auth import PasswordFile, Passwords, open_to_all


def hashed(password: str) -> str:
    """What ``htpasswd -B`` writes for a password."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """An htpasswd file with one name."""
    path = tmp_path / "htpasswd"
    path.write_text(f"ann:{hashed('owl')}\n")
    return path


def client(run: Run, **options: Any) -> Any:
    """A client of a monitor with these settings."""
    return create_app(run.directory, **options).server.test_client()


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8050", "127.0.0.1:8050", "[::1]:8050", "localhost."]
)
def test_loopback_names_are_answered(run: Run, host: str) -> None:
    """The names of this machine itself need no allowing."""
    assert client(run).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", "[::1", "", "x y"])
def test_other_names_are_refused_with_the_flag_that_allows_them(run: Run, host: str) -> None:
    """A page elsewhere that points its name at this machine reads nothing, and the error names the flag."""
    answer = client(run).get("/api/v1/runs", headers={"Host": host})
    assert answer.status_code == 400
    assert "--allowed-host" in answer.json["error"]


def test_names_can_be_allowed(run: Run) -> None:
    """An allowed name is answered; one that begins with a dot stands for all below it."""
    browser = client(run, allowed_host=("monitor.lab.example", ".wall.example"))
    for host, status in {
        "Monitor.lab.example:80": 200,
        "tv.wall.example": 200,
        "wall.example.evil": 400,
        "evilwall.example": 400,
    }.items():
        assert browser.get("/", headers={"Host": host}).status_code == status, host


def test_listening_everywhere_answers_addresses_but_no_foreign_names(run: Run) -> None:
    """On all interfaces, viewers use the machine's addresses; a name still has to be allowed."""
    browser = client(run, host="0.0.0.0")
    assert browser.get("/", headers={"Host": "192.168.1.5:8050"}).status_code == 200
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 400


def test_without_a_password_nothing_is_shown(run: Run, passwords: Path) -> None:
    """With a password file, pages, API, assets and callbacks ask for a name and password; health does not."""
    browser = client(run, auth_file=passwords)
    for address in ("/", "/metrics", "/api/v1/runs", "/assets/monitor.css", "/_dash-layout", "/nowhere"):
        answer = browser.get(address)
        assert answer.status_code == 401, address
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
        for shown in (("ann", "OWL"), ("bob", "owl"), ("ann", ""), ("ann", "x" * 500), ("ann", "owl\0")):
            assert browser.get(address, auth=shown).status_code == 401, shown
    assert browser.post("/_dash-update-component", json={}).status_code == 401
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/", auth=("ann", "owl")).status_code == 200
    assert browser.get("/api/v1/runs", auth=("ann", "owl")).status_code == 200


def test_an_answer_that_is_kept_is_given_to_nobody_without_a_password(run: Run, passwords: Path) -> None:
    """What was answered a moment ago to somebody who may look is no way around the check."""
    run.metrics(*range(100))
    browser = client(run, auth_file=passwords)
    browser.environ_base["HTTP_AUTHORIZATION"] = Authorization(
        "basic", {"username": "ann", "password": "owl"}
    ).to_header()
    page = Screen(browser, "/growth")
    shown = page.component("live-version")["data"]
    page.set("live-version", data=shown | {"version": "before", "read": 1.0})
    question = page.question("frame-header.children", "live-pulse.data")
    assert browser.post("/_dash-update-component", json=question).status_code == 200
    del browser.environ_base["HTTP_AUTHORIZATION"]
    for who in (None, ("ann", "OWL")):
        assert browser.post("/_dash-update-component", json=question, auth=who).status_code == 401


def test_a_changed_password_file_counts_at_once(run: Run, passwords: Path) -> None:
    """Someone taken out of the file is out, without a restart; while there is no file nobody is let in."""
    browser = client(run, auth_file=passwords)
    assert browser.get("/", auth=("ann", "owl")).status_code == 200
    passwords.write_text(f"bob:{hashed('crow')}\n")
    assert browser.get("/", auth=("ann", "owl")).status_code == 401
    assert browser.get("/", auth=("bob", "crow")).status_code == 200
    passwords.unlink()
    assert browser.get("/", auth=("bob", "crow")).status_code == 401
    assert browser.get("/").status_code == 401
    passwords.write_text(f"bob:{hashed('crow')}\n")
    assert browser.get("/", auth=("bob", "crow")).status_code == 200


@pytest.mark.parametrize("content", ["bob:x\n", "", None])
def test_who_is_removed_while_being_checked_is_out(
    passwords: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    """A hash takes long: what counts is the file as it is when the check ends, then and afterwards."""
    gate = Passwords(passwords)
    check = PasswordFile.matches

    def slowly(self: PasswordFile, user: str, password: str) -> bool:
        found = check(self, user, password)
        passwords.unlink(missing_ok=True)
        if content is not None:
            passwords.write_text(content)
        return found

    monkeypatch.setattr(PasswordFile, "matches", slowly)
    ann = Authorization("basic", {"username": "ann", "password": "owl"})
    assert not gate.accept(ann)
    assert not gate.accept(ann)


def test_workers_agree_whatever_they_have_seen_of_a_file(passwords: Path) -> None:
    """One looks while it is empty, the other only when it is gone: neither lets anybody in, until it is back."""
    content = passwords.read_text()
    one, other = Passwords(passwords), Passwords(passwords)
    ann = Authorization("basic", {"username": "ann", "password": "owl"})
    assert one.accept(ann)
    assert other.accept(ann)
    passwords.write_text("")
    assert not one.accept(ann)
    passwords.unlink()
    assert (one.accept(ann), other.accept(ann)) == (False, False)
    passwords.write_text(content)
    assert (one.accept(ann), other.accept(ann)) == (True, True)


@pytest.mark.parametrize("content", ["", "garbage", "ann:plain", "ann:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M="])
def test_a_password_file_that_cannot_protect_is_refused(run: Run, tmp_path: Path, content: str) -> None:
    """No names, no lines, plain text and broken hashes are said at start."""
    path = tmp_path / "htpasswd"
    path.write_text(content)
    with pytest.raises(SettingsError, match="--auth-file"):
        create_app(run.directory, auth_file=path)


def test_the_api_takes_a_token(run: Run, tmp_path: Path) -> None:
    """With a token the API wants it as a bearer token; pages stay as they were."""
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    browser = client(run, api_token_file=path)
    refused = browser.get("/api/v1/runs")
    assert (refused.status_code, refused.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
    assert list(refused.json) == ["error"]
    assert browser.get("/api/v1/runs", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert browser.get("/api/v1/runs", headers={"Authorization": "Bearer s3cret"}).status_code == 200
    assert browser.get("/metrics").status_code == 200
    assert browser.get("/healthz").status_code == 200


def test_a_token_stands_in_for_a_password_at_the_api_only(run: Run, passwords: Path) -> None:
    """With both, a program shows the token and a person the password; the token opens no page."""
    browser = client(run, auth_file=passwords, api_token="s3cret")
    token = {"Authorization": "Bearer s3cret"}
    assert browser.get("/api/v1/runs", headers=token).status_code == 200
    assert browser.get("/api/v1/runs", auth=("ann", "owl")).status_code == 200
    assert browser.get("/metrics", headers=token).status_code == 401


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_token_file_without_a_token_is_refused(run: Run, tmp_path: Path, content: str | None) -> None:
    """A missing or empty token file must not leave the API open."""
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError, match="--api-token-file"):
        create_app(run.directory, api_token_file=path)


def test_secrets_are_not_printed() -> None:
    """The token is in no error message or log that shows the settings."""
    assert "s3cret" not in repr(Settings(api_token="s3cret"))


def test_listening_elsewhere_without_a_password_is_said(run: Run, passwords: Path) -> None:
    """Binding another address than loopback prints a plain warning, unless there is a password."""
    assert open_to_all(Settings()) == ""
    assert open_to_all(Settings(host="0.0.0.0", auth_file=passwords)) == ""
    with serving("--checkpoint-dir", run.directory, "--host", "0.0.0.0") as server:
        assert server.get("healthz")[0] == 200
    assert any("without a password" in line for line in server.output)
