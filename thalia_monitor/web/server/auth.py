"""Who may look: the host names this server answers to, passwords for people, a token for programs."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request
from passlib.apache import HtpasswdFile
from passlib.context import CryptContext
from werkzeug.datastructures import Authorization

from thalia_monitor.errors import Forbidden, MonitorError, SettingsError
from thalia_monitor.settings import is_loopback
from thalia_monitor.web.server.error_pages import answer
from thalia_monitor.web.server.logging import Recent

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings

log = logging.getLogger(__name__)

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})
SCHEMES: Final = CryptContext(["bcrypt", "sha512_crypt", "sha256_crypt", "apr_md5_crypt"])
"""Of what ``htpasswd`` writes, all but plain text and the broken ones (DES, unsalted SHA-1)."""
MOST_REMEMBERED: Final = 1000


class WrongHost(MonitorError):
    """A request asks for a host name that this server does not go by."""

    status = 400


def register(server: Flask, settings: Settings) -> None:
    """Ask before every request who it is for and who it comes from."""
    hosts = Hosts(settings)
    passwords = Passwords(settings.auth_file) if settings.auth_file else None
    token = api_token(settings)
    scrapers = [ip_network(each) for each in settings.metrics_allow]
    if token:
        Recent.secrets |= {token}

    @server.before_request
    def check() -> Response | None:
        hosts.check(request.host)
        if scrapers and request.endpoint == "api.metrics":
            if _is_within(request.remote_addr or "", scrapers):
                return None
            if not (passwords or token):
                raise Forbidden("This address may not read these figures: --metrics-allow names who may.")
        if request.endpoint == "api.agents":
            refuse_foreign_pages(request)
            if not (passwords or token):
                return _refused('Bearer realm="thalia-monitor"', NO_TOKEN)
        if request.endpoint == "api.health" or not (passwords or token):
            return None
        shown = request.authorization
        programs = request.blueprint == "api"
        if programs and token and _bears(shown, token):
            return None
        if passwords:
            return (
                None if passwords.accept(shown) else _refused('Basic realm="thalia-monitor", charset="UTF-8"')
            )
        return _refused('Bearer realm="thalia-monitor"') if programs else None


class NotAllowed(MonitorError):
    """A request to change a training from somebody, or from a page, that may not."""

    status = 403


LOCAL_USER: Final = "local"
"""What somebody without a login is called, at the machine that the monitor runs on."""


def who_changes(settings: Settings) -> str:
    """Name of the user whose request may change a training; to be asked at each such request.

    Raises:
        NotAllowed: changes are off, the request comes from another site, or nobody has logged in and it does not
            come from this machine itself.
    """
    if not settings.control:
        raise NotAllowed("This monitor changes nothing: it was started without --control.")
    return who_writes(settings)


def who_writes(settings: Settings) -> str:
    """Name of the user whose request may change anything at all, such as the notes on a run.

    Raises:
        NotAllowed: the request comes from another site, or nobody has logged in and it does not come from this
            machine itself.
    """
    origin = urlsplit(request.headers.get("Origin", "")).netloc
    fetched = request.headers.get("Sec-Fetch-Site", "same-origin")
    if not origin or origin.lower() != request.host.lower() or fetched != "same-origin":
        raise NotAllowed("This request does not come from a page of this monitor, so nothing is changed.")
    if settings.auth_file:
        shown = request.authorization
        return (shown.username if shown else None) or "unknown"  # the password was checked before
    if not is_local(request):
        raise NotAllowed("Without --auth-file only the machine that the monitor runs on may change anything.")
    return LOCAL_USER


def is_local(asked: Request) -> bool:
    """Whether a request comes from this machine, and through no proxy on it."""
    forwarded = any(name.lower().startswith(("x-forwarded", "forwarded")) for name, _ in asked.headers)
    return is_loopback(asked.remote_addr or "") and not forwarded


def refuse_foreign_pages(request: Request) -> None:
    """Refuse what a page of another site has a browser send; a program sends no ``Origin``.

    Raises:
        Forbidden: it comes from one.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise Forbidden("A page of another site may not ask this.")


def open_to_all(settings: Settings) -> str:
    """Say plainly that other machines can look without a password; empty where they cannot."""
    if settings.loopback or settings.auth_file:
        return ""
    return (
        f"Warning: listening on {settings.host} without a password: anyone who reaches it can look. "
        "Set one with --auth-file FILE (htpasswd -B)."
    )


def _bears(shown: Authorization | None, token: str) -> bool:
    given = (shown.token or "") if shown and shown.type == "bearer" else ""
    return hmac.compare_digest(given.encode(), token.encode())


WHO: Final = "Say who you are: this monitor wants a name and password, or the API's token as a bearer token."
NO_TOKEN: Final = (
    "Agents are answered only where there is a token: start this monitor with --api-token-file FILE."
)


def _refused(challenge: str, sentence: str = WHO) -> Response:
    said = answer(sentence, 401)
    said.headers["WWW-Authenticate"] = challenge
    return said


def api_token(settings: Settings) -> str:
    """The API's token, from the setting or its file; empty where none is wanted.

    Raises:
        SettingsError: the file cannot be read or is empty.
    """
    if not settings.api_token_file:
        return settings.api_token
    try:
        token = settings.api_token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--api-token-file {settings.api_token_file} cannot be read: {error}.") from error
    if not token:
        raise SettingsError(f"--api-token-file {settings.api_token_file} is empty: put the token into it.")
    return token


class Hosts:
    """The names this server goes by. A page of another name that points here (DNS rebinding) is not answered."""

    def __init__(self, settings: Settings) -> None:
        self._names = {*LOOPBACK_NAMES, *(name.lower().rstrip(".") for name in settings.allowed_host)}
        self._any_address = settings.host in EVERYWHERE
        self._names.add(socket.gethostname().lower() if self._any_address else settings.host.lower())

    def check(self, host: str) -> None:
        """Let a request's ``Host`` pass, or raise WrongHost."""
        name = _name_in(host)
        if name in self._names or any(each[:1] == "." and name.endswith(each) for each in self._names):
            return
        if self._any_address and _is_address(name):  # an address cannot be made to point elsewhere
            return
        raise WrongHost(
            f"This monitor does not go by the name {name[:200]!r}. If it should, "
            "start it with --allowed-host NAME (or THALIA_MONITOR_ALLOWED_HOST)."
        )


def _name_in(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:  # an unclosed bracket
        return ""


def _is_within(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    return _is_address(address) and any(ip_address(address) in each for each in networks)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


Signature = tuple[int, ...]


class Passwords:
    """An htpasswd file, read again when it changes; while it cannot be read, nobody is let in.

    What was accepted is remembered (as a keyed hash, in memory only), since a good hash takes long on purpose and a
    page asks every few seconds. It holds only for the very file that it was checked against.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._key = secrets.token_bytes(32)
        try:
            self._file = PasswordFile(path)
        except (OSError, ValueError) as error:
            raise SettingsError(f"--auth-file {path} cannot be used: {error}.") from error
        if unusable := self._file.unusable():
            raise SettingsError(
                f"--auth-file {path}: the password of {unusable!r} is kept in a form that is not accepted. "
                "Set it anew with: htpasswd -B FILE NAME."
            )
        if not self._file.users:
            raise SettingsError(f"--auth-file {path} names nobody. Add someone with: htpasswd -B FILE NAME.")

    def accept(self, shown: Authorization | None) -> bool:
        """Whether a request shows a name and its password, by the file as it is when the check ends."""
        if shown is None or shown.type != "basic" or shown.username is None or shown.password is None:
            return False
        pair = f"{shown.username}\0{shown.password}".encode("utf-8", "replace")
        mark = hmac.digest(self._key, pair, hashlib.sha256)
        while True:
            file = self._current()
            if mark in file.accepted:
                return True
            if not file.matches(shown.username, shown.password):
                return False
            with self._lock:
                if len(file.accepted) >= MOST_REMEMBERED:
                    file.accepted.clear()
                file.accepted.add(mark)

    def _current(self) -> PasswordFile:
        with self._lock:
            if self._file.signature != _signature(self._path):
                try:
                    self._file = PasswordFile(self._path)
                except (OSError, ValueError) as error:
                    if self._file.signature:
                        log.warning("The password file cannot be read, so nobody is let in: %s", error)
                    self._file = PasswordFile(None)
            return self._file


class PasswordFile:
    """The content of an htpasswd file at one time, and the pairs that were accepted by it; None names nobody."""

    def __init__(self, path: Path | None) -> None:
        self.signature = _signature(path) if path else ()
        """Taken before it is read: what is written meanwhile makes another file of it."""
        content = path.read_bytes() if path else b""
        self._table = HtpasswdFile.from_string(content, context=SCHEMES)
        self.users: list[str] = self._table.users()
        self.accepted: set[bytes] = set()

    def unusable(self) -> str | None:
        """Somebody whose password is kept in a form that is not accepted."""
        return next((user for user in self.users if not SCHEMES.identify(self._table.get_hash(user))), None)

    def matches(self, user: str, password: str) -> bool:
        """Whether that is the user's password; takes long."""
        try:
            known = self._table.check_password(user, password)
        except ValueError:  # a name with a colon, a NUL, more than bcrypt's 72 bytes
            return False
        if known is None:
            SCHEMES.dummy_verify()  # so that an unknown name takes as long as a wrong password
        return bool(known)


def _signature(path: Path) -> Signature:
    """What differs between two versions of a file; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
