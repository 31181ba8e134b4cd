"""Serving many viewers: several processes under gunicorn, configured here for ``serve`` and for gunicorn by hand."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import click
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.sock import ssl_context
from gunicorn.workers.base import Worker

from thalia_monitor.contract import printable
from thalia_monitor.web.app import create_app
from thalia_monitor.web.private_parts import listening_port
from thalia_monitor.web.server import alert_watch, logging
from thalia_monitor.web.server import status as operations
from thalia_monitor.web.server.auth import open_to_all
from thalia_monitor.web.server.connections import Server, address, bind, shown
from thalia_monitor.web.server.front import THREADS, Environ, FlaskASGIApp, Timeouts

if TYPE_CHECKING:
    from thalia_monitor.settings import Settings

MEMORY_FOLDER = "/dev/shm"


class QuietLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn's logger, which writes no line for most of what open pages ask: fifty viewers ask 25 times a second.

    To leave such a line out after it was put together would cost a fifth of the whole answer.
    """

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Log a request, if it is worth a line; named and called by gunicorn."""
        if logging.worth_a_line(req.path, str(resp.status), request_time.total_seconds()):
            super().access(resp, req, environ, request_time)


class FrontWorker(Worker):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn worker that serves the Flask app through FlaskASGIApp (:mod:`~thalia_monitor.web.server.front`)."""

    def init_signals(self) -> None:
        """Handle signals as other workers do; named and called by gunicorn."""
        super().init_signals()
        signal.set_wakeup_fd(-1)  # the event loop wakes by itself

    def run(self) -> None:
        """Serve until a signal ends it; gunicorn calls it by this name."""
        cfg = self.cfg
        app = FlaskASGIApp(self.wsgi, cfg.threads, Timeouts(keep_alive=cfg.keepalive), self._log_access)
        options: dict[str, Any] = {}
        if cfg.is_ssl:
            options["ssl_context_factory"] = lambda *_: ssl_context(cfg)
        if self.max_requests < sys.maxsize:
            options["limit_max_requests"] = self.max_requests
        server = Server(app, max(cfg.graceful_timeout - 1, 1), self._beat, **options)
        asyncio.run(server.serve([each.sock for each in self.sockets]))

    def _beat(self) -> bool:
        self.notify()
        return bool(self.alive) and os.getppid() == self.ppid

    def _log_access(self, environ: Environ, status: int, size: int, seconds: float) -> None:
        answer = SimpleNamespace(status=status, sent=size, headers=())
        request = SimpleNamespace(path=environ["PATH_INFO"], headers=())
        self.log.access(answer, request, environ, timedelta(seconds=seconds))


def configuration(settings: Settings) -> dict[str, Any]:
    """Gunicorn's settings (https://gunicorn.org/reference/settings/) for a monitor."""

    def when_ready(server: Any) -> None:
        port = listening_port(server)
        click.echo(f"thalia-monitor shows {printable(shown(settings))} at {address(settings, port)}")
        if warning := open_to_all(settings):
            server.log.warning(warning)

    return {
        "bind": f"[{settings.host}]:{settings.port}"
        if ":" in settings.host
        else f"{settings.host}:{settings.port}",
        "workers": 2,
        "worker_class": FrontWorker,
        "threads": THREADS,
        "timeout": 60,  # seconds until a worker that has stopped beating is replaced
        "graceful_timeout": 4,  # seconds that running requests get at a reload or at the end
        "keepalive": int(Timeouts().keep_alive),
        "control_socket_disable": True,  # gunicorn 27 would open one in the home directory
        "worker_tmp_dir": MEMORY_FOLDER
        if os.access(MEMORY_FOLDER, os.W_OK)
        else None,  # a busy disk can block
        "forwarded_allow_ips": "",  # by default gunicorn believes any proxy on this machine; see --behind-proxy
        "secure_scheme_headers": {},
        "accesslog": "-",
        "logger_class": QuietLogger,
        "access_log_format": '%(h)s %(u)s "%(r)s" %(s)s %(B)s %(M)sms',
        "logconfig_dict": logging.config(settings.log_format),
        "on_starting": lambda _: operations.share(),
        "when_ready": when_ready,
        # At its end a process searches all objects for garbage, a second on a busy machine; not frozen ones.
        "worker_exit": lambda _, __: gc.freeze(),
        "on_exit": lambda _: gc.freeze(),
        "post_worker_init": lambda worker: alert_watch.guard(worker.app.wsgi()),
    }


def serve(settings: Settings, workers: int, threads: int) -> None:
    """Serve from several processes until a signal ends it; SIGHUP makes new workers, SIGTERM ends them cleanly.

    Raises:
        SettingsError: a setting cannot be used, the port is in use, or the address is not this machine's.
    """
    bind(settings).close()  # gunicorn would try for five seconds and then say little
    Gunicorn(settings, workers=workers, threads=threads).run()


class Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with our configuration.

    The app is made once, before the workers are forked from it: they start in no time and share its memory.
    """

    def __init__(self, settings: Settings, **chosen: int) -> None:
        self._settings = settings
        self._chosen = chosen
        super().__init__()
        self.wsgi()  # what is wrong with a setting is said before anything listens

    def load_config(self) -> None:
        """Set gunicorn up; named and called by gunicorn, again at every reload."""
        ours = configuration(self._settings) | self._chosen | {"preload_app": True}
        for name, value in ours.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Make the application; named and called by gunicorn."""
        alert_watch.plan_of(self._settings)
        server: Flask = create_app(settings=self._settings, shared=True).server
        return server

    def reload(self) -> None:
        """Make a new application, which reads the files named in the settings again."""
        self.callable: Flask | None = None
        super().reload()
