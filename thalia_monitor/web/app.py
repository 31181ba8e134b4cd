"""The application factory: settings and runs in, a Dash app with its pages, assets and API out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from dash import Dash

from thalia_monitor.kept import RunNotes, chosen_view, state_folder
from thalia_monitor.reading.library import Library
from thalia_monitor.reading.run_search import Root
from thalia_monitor.settings import Settings, thresholds
from thalia_monitor.site_folders import PLOTLY, site_folder
from thalia_monitor.web import api, mcp_bridge, private_parts
from thalia_monitor.web.cache import result_cache
from thalia_monitor.web.cache_folder import cache_folders
from thalia_monitor.web.components import shell
from thalia_monitor.web.context import Monitor, install
from thalia_monitor.web.live import refresh
from thalia_monitor.web.server import security, stream

Directory = str | os.PathLike[str]

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{%title%}</title>
<link rel="icon" type="image/svg+xml" href="ICON">
<script src="THEME" data-plotly="PLOTLY"></script>
{%css%}
</head>
<body>
{%app_entry%}
<noscript>thalia-monitor draws its charts in the browser: please switch JavaScript on.</noscript>
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>
"""


def create_app(
    checkpoint_dir: Directory | Sequence[Directory] = (),
    *,
    settings: Settings | None = None,
    shared: bool = False,
    **options: Any,
) -> Dash:
    """Build the web application.

    Args:
        checkpoint_dir: the directory a run writes to, or several; they may appear later.
        settings: everything an operator can choose; ``options`` are fields of it by name.
        shared: whether several processes answer, so that figures are kept in files unless said otherwise.

    Returns:
        The Dash app; ``.server`` is its Flask app, for any WSGI server.

    Raises:
        SettingsError: a setting cannot be used.
    """
    chosen = replace(settings or Settings(), **options)
    if checkpoint_dir:
        several = (checkpoint_dir,) if isinstance(checkpoint_dir, str | os.PathLike) else checkpoint_dir
        chosen = replace(chosen, checkpoint_dir=tuple(Path(each) for each in several))
    with without_dash_variables():
        return private_parts.context_without_app().run(_assembled, chosen, shared)


@contextmanager
def without_dash_variables() -> Iterator[None]:
    """Hide ``DASH_*`` from Dash: they could open its own tools to viewers, or load scripts from elsewhere."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.upper().startswith("DASH_")}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _assembled(chosen: Settings, shared: bool) -> Dash:
    chosen = replace(chosen, view=chosen_view(chosen))
    server = security.server()
    security.protect(server, chosen)
    app = Dash(
        "thalia_monitor",
        server=server,
        use_pages=True,
        pages_folder=str(site_folder("pages")),
        assets_folder=str(site_folder("assets")),
        # One goes into the head, so that no page flashes in the wrong colours; the other comes with the first chart.
        assets_ignore=rf"theme\.js|{re.escape(PLOTLY)}",
        url_base_pathname=chosen.base_path,
        title="thalia-monitor",
        update_title="",
        enable_mcp=False,  # it would offer every callback as a tool, to any origin
    )
    app.index_string = _index(app)
    security.give_headers(app)
    routes = api.blueprint()
    mcp_bridge.register(routes)
    server.register_blueprint(routes, url_prefix=chosen.base_path.rstrip("/") or None)
    api.register_report(server, chosen)
    stream.register(server, chosen)
    results, snapshots = cache_folders(chosen, shared)
    cache = result_cache(server, chosen, results)
    limits = thresholds(chosen.health or chosen.alerts)
    watch = Monitor(chosen, _library(chosen, snapshots), cache, limits)
    install(server, watch)
    security.refuse_unknown_callbacks(app)  # after: what is answered again was looked at the first time
    app.layout = shell.shell(app, watch)
    shell.register(app)
    refresh.register(app)
    private_parts.set_up(app, chosen.base_path)
    return app


def _library(settings: Settings, snapshots: Path | None) -> Library:
    return Library(
        settings.checkpoint_dir,
        [Root(directory, settings.root_depth, settings.root_pattern) for directory in settings.root],
        scheme=settings.stage_scheme,
        cache=snapshots,
        follow_links=settings.follow_links,
        notes=partial(RunNotes, state_folder(settings)),
    )


def _index(app: Dash) -> str:
    """The page that everything is drawn into, naming files by addresses that change with their content."""
    html = INDEX
    for word, name in (("ICON", "favicon.svg"), ("THEME", "theme.js"), ("PLOTLY", PLOTLY)):
        stamp = (site_folder("assets") / name).stat().st_mtime_ns
        html = html.replace(word, f"{app.get_asset_url(name)}?m={stamp}")
    return html
