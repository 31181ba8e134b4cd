"""The reader's tools: what x is, how much is smoothed, which events are marked, whether the charts follow the run.

The browser keeps the view (``assets/view.js``): it writes it into the address in short readable keys, so that a
link shows the same view on another machine: ``x``, ``smooth``, ``from``, ``to``, ``log``, ``clip``, ``events``,
``hide``, ``pin``. ``--view`` takes them too.
"""

from __future__ import annotations

from typing import Final

import dash_bootstrap_components as dbc
from dash import dcc, html

from thalia_monitor.analysis.happenings import MarkerKind
from thalia_monitor.analysis.smoothing import FORMULA
from thalia_monitor.figures.chart import X_TITLES

EVENTS: Final = {
    MarkerKind.GROWTH: "▲ growth",
    MarkerKind.NREM: "● NREM sleep",
    MarkerKind.REM: "■ REM sleep",
    MarkerKind.SLEEP: "⬟ other sleep",
    MarkerKind.STAGE: "★ stages",
    MarkerKind.MILESTONE: "◆ milestones",
    MarkerKind.WARNING: "✖ warnings",
    MarkerKind.RESUME: "◀ resumes",
}
"""Each kind of event with the symbol it has on the charts."""
USUAL: Final = "events=growth,stage,milestone,resume"
"""The view of somebody who has chosen nothing."""
X_LABELS: Final = {"step": "step", "wall": "wall clock", "elapsed": "since start"}
assert set(X_LABELS) == set(X_TITLES)


def toolbar(default: str) -> html.Div:
    """Lay out the tools; ``default`` is the view to start with, written like a query."""
    return html.Div(
        [
            html.Fieldset(
                [
                    html.Legend("x axis", className="tool-label"),
                    dbc.RadioItems(
                        id="view-x",
                        options=[{"label": words, "value": key} for key, words in X_LABELS.items()],
                        value="step",
                        inline=True,
                    ),
                ],
                className="tool-group",
            ),
            html.Div(
                [
                    html.Label("Smoothing", htmlFor="view-smooth", className="tool-label"),
                    dbc.Input(
                        id="view-smooth",
                        type="range",
                        min=0,
                        max=0.99,
                        step=0.01,
                        value=0,
                        class_name="slim-range",
                    ),
                    html.Output("off", id="view-smooth-words", className="tool-words"),
                ],
                className="tool-group tool-smooth",
                title=FORMULA,
            ),
            html.Details(
                [
                    html.Summary("Events", className="tool-label"),
                    dbc.Checklist(
                        id="view-events",
                        options=[{"label": words, "value": str(kind)} for kind, words in EVENTS.items()],
                        value=[],
                    ),
                ],
                className="tool-group tool-menu tool-events",
            ),
            html.Div(
                [
                    html.Span("Following the run", id="view-words", className="tool-words", role="status"),
                    html.Button("Follow", id="view-follow", type="button", className="follow", hidden=True),
                ],
                className="tool-group tool-end",
            ),
            dcc.Store(
                id="view-default", data=default if "events=" in default else f"{default}&{USUAL}".lstrip("&")
            ),
        ],
        id="toolbar",
        className="toolbar",
    )
