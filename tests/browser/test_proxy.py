"""Behind a real nginx with TLS, under a path of its own: the site file of the documentation, as it is."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.support import ROOT, Run, free_port, program, serving, wait_until

from .conftest import Watched

pytestmark = pytest.mark.browser

PATH = "/lab/thalia/"
MAIN = """
pid {folder}/nginx.pid;
error_log {folder}/error.log;
daemon off;
events {{}}
http {{
    access_log off;
    include /etc/nginx/mime.types;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@contextmanager
def nginx(folder: Path, monitor: str, *directives: str) -> Iterator[str]:
    """Nginx in front of a monitor, with further directives if given; gives the address that viewers use."""
    port = free_port()
    site = (ROOT / "docs" / "nginx-site.conf").read_text()
    for theirs, ours in {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "http://127.0.0.1:8050": monitor,
        "/etc/ssl/certs/lab.example.org.pem": f"{folder}/pem",
        "/etc/ssl/private/lab.example.org.key": f"{folder}/key",
        "server_name lab.example.org": "server_name localhost",
    }.items():
        assert theirs in site
        site = site.replace(theirs, ours)
    site = site.replace("proxy_http_version", "\n".join([*directives, "proxy_http_version"]))
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
    request = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    files = ("-keyout", str(folder / "key"), "-out", str(folder / "pem"))
    subprocess.run([program("openssl"), *request, *files], check=True, capture_output=True)
    process = subprocess.Popen([program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")])
    try:
        address = f"https://localhost:{port}{PATH}"
        wait_until(lambda: process.poll() is not None or answers(address))
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


class Stay(urllib.request.HTTPRedirectHandler):
    """Shows a redirection instead of following it."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow nothing."""


def ask(address: str, **headers: str) -> tuple[int, Any]:
    """Ask through nginx: status and headers."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    secure = urllib.request.HTTPSHandler(context=trusting)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), secure, Stay)
    try:
        with opener.open(urllib.request.Request(address, headers=headers), timeout=20) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def answers(address: str) -> bool:
    """Whether nginx takes requests already."""
    try:
        ask(address)
    except urllib.error.URLError:
        return False
    return True


@pytest.fixture
def options(run: Run, tmp_path: Path) -> tuple[str | Path, ...]:
    """What the documentation's site file says the monitor is started with."""
    run.metrics(*range(0, 2000, 100), firing_rate=0.1, neuron_counts={"cortex": 100})
    run.metadata(1900)
    folder = ("--cache-dir", tmp_path / "cache", "--checkpoint-dir", run.directory)
    return ("serve", "--workers", "2", "--base-path", PATH, "--refresh-seconds", "1", *folder)


def test_every_page_works_under_its_path(
    run: Run, options: Any, browse: Callable[..., Watched], tmp_path: Path
) -> None:
    """Pages, assets, callbacks, links and live updates: everything is asked for under the base path, over TLS."""
    with serving(*options, "--behind-proxy") as server, nginx(tmp_path, server.url[: -len(PATH)]) as address:
        watched = browse()
        asked: list[str] = []
        watched.page.on("request", lambda request: asked.append(request.url))
        page = watched.open(address)
        links = page.locator("nav .links a")
        for number in range(links.count()):
            links.nth(number).click()
            expect(links.nth(number)).to_have_class(re.compile(r"\bactive\b"))
            expect(page.locator("#frame-header")).to_contain_text("1,900")
            page.reload()
            expect(page.locator("#frame-header")).to_contain_text("1,900")
        run.metrics(2000)
        expect(page.locator("#frame-header")).to_contain_text("2,000")
        assert [url for url in asked if not url.startswith(address)] == []
        runs = json.loads(page.evaluate(f"fetch('{PATH}api/v1/runs').then(answer => answer.text())"))
        assert len(runs["runs"]) == 1
        page.goto("about:blank")  # the page would complain when the server ends before it


@pytest.mark.parametrize("behind", [True, False])
def test_tls_is_believed_only_behind_a_proxy(options: Any, tmp_path: Path, behind: bool) -> None:
    """Redirections keep https when the proxy's word counts, and fall back to what was seen when it does not."""
    flags = ("--behind-proxy",) if behind else ()
    with serving(*options, *flags) as server, nginx(tmp_path, server.url[: -len(PATH)]) as address:
        status, headers = ask(f"{address}api")
        assert status == 308
        assert urlsplit(headers["Location"]).path == f"{PATH}api/"
        assert urlsplit(headers["Location"]).scheme == ("https" if behind else "http")


def test_a_client_cannot_claim_another_name(options: Any, tmp_path: Path) -> None:
    """What a client says in ``X-Forwarded-*`` does not get through the proxy, and a foreign name is refused."""
    with serving(*options, "--behind-proxy") as server, nginx(tmp_path, server.url[: -len(PATH)]) as address:
        claimed = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
        status, headers = ask(f"{address}api", **claimed)
        assert (status, urlsplit(headers["Location"]).hostname) == (308, "localhost")
        assert ask(f"{address}metrics", Host="evil.example")[0] == 400
