"""How Sphinx makes a site of these documents: ``make docs``."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from thalia_monitor import __version__

ROOT = Path(__file__).resolve().parent.parent

project = "thalia-monitor"
copyright = "2026, The thalia-monitor developers"
release = version = __version__

extensions = ["myst_parser"]
root_doc = "index"
nitpicky = True
myst_heading_anchors = 3
"""Links to headings are checked, by the anchors that GitHub gives them."""

html_theme = "furo"
html_title = f"thalia-monitor {version}"
html_favicon = "../assets/favicon.svg"
html_show_sphinx = False
html_copy_source = False

ABOVE = {"README.md": "index.md", "CHANGELOG.md": "changelog.md"}
"""What lies above ``docs/``, and the page of the site that includes it."""


def setup(app: Sphinx) -> None:
    """Make the navigation, and have links to what lies above ``docs/`` lead to the site's own pages."""
    app.connect("source-read", _navigation)
    app.connect("source-read", lambda _app, _page, text: _stay(text, "../", ""))
    app.connect("include-read", lambda _app, _file, _page, text: _stay(text, "", "docs/"))


def _navigation(app: Sphinx, page: str, text: list[str]) -> None:
    """Add the documents that the index lists, in its order and under its groups, to the first page."""
    if page != root_doc:
        return
    index = ROOT / "docs" / "README.md"
    app.env.note_dependency(index)
    pages: dict[str, list[str]] = {}
    group = ""
    for row in index.read_text(encoding="utf-8").splitlines():
        if found := re.match(r"\| *(.*?) *\| \[.+?\]\(([\w-]+)\.md\)", row):
            group = found[1] or group
            pages.setdefault(group, []).append(found[2])
    pages[group] += ["README", "changelog"]
    for caption, names in pages.items():
        listed = "\n".join(names)
        text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption.capitalize()}\n\n{listed}\n```\n"


def _stay(text: list[str], above: str, docs: str) -> None:
    for file, page in ABOVE.items():
        text[0] = text[0].replace(f"]({above}{file}", f"]({docs}{page}")
