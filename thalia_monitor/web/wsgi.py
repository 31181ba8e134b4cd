"""The gunicorn entry: ``THALIA_MONITOR_CHECKPOINT_DIR=DIR gunicorn thalia_monitor.web.wsgi:server``.

:mod:`thalia_monitor.web.gunicorn_conf` says how to run it well.
"""

from __future__ import annotations

import logging

from thalia_monitor.settings import settings_from_environment
from thalia_monitor.web.app import create_app
from thalia_monitor.web.server.alert_watch import guard
from thalia_monitor.web.server.logging import Recent

settings = settings_from_environment()
app = create_app(settings=settings, shared=True)
server = app.server
guard(server)
if not any(
    isinstance(each, Recent) for each in logging.getLogger().handlers
):  # gunicorn without our configuration
    logging.getLogger().addHandler(Recent(logging.WARNING))
