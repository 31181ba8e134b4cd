"""The ids of the components that more than one module knows, each written once."""

from __future__ import annotations

from typing import Final

TICK: Final = "live-tick"
PULSE: Final = "live-pulse"
VERSION: Final = "live-version"
NAMES: Final = "live-names"
"""Changes when the run logs a series that it did not log before; what only lists them follows this."""
RUN: Final = "live-run"
OTHERS: Final = "live-others"
"""What the runs beside the one on screen look like, where a page shows several."""
CHOSEN: Final = "compare-chosen"
"""Which runs are compared, and how."""
STANDING: Final = "live-standing"
NEAR: Final = "charts-near"
"""Kind and name of each chart on or near the screen (``assets/visible_charts.js``); None is all of them."""
VIEW: Final = "view"
HEADER: Final = "frame-header"
WARNINGS: Final = "frame-warnings"
NOTICE: Final = "frame-notice"
TOTALS: Final = "frame-totals"
PAGE: Final = "page"
BADGE: Final = "frame-standing"
