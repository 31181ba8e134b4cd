"""The gunicorn entry: ``THALIA_MONITOR_CHECKPOINT_DIR=DIR gunicorn thalia_monitor.web.wsgi:server``."""

from __future__ import annotations

from thalia_monitor.settings import settings_from_environment
from thalia_monitor.web.app import create_app
from thalia_monitor.web.guard import guard

app = create_app(settings=settings_from_environment())
server = app.server
guard(server)
