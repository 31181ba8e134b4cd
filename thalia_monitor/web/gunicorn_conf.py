"""Gunicorn's configuration file for those who start it themselves, with the settings in ``THALIA_MONITOR_*``:

``gunicorn -c python:thalia_monitor.web.gunicorn_conf thalia_monitor.web.wsgi:server``
"""

from __future__ import annotations

from thalia_monitor.settings import settings_from_environment
from thalia_monitor.web.server.gunicorn import configuration

globals().update(configuration(settings_from_environment()))
