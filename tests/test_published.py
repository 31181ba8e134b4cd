"""What goes with a release: the site of the documents, the image, the workflows, the version."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from tests.support import CI, ROOT
from thalia_monitor import __version__

DOCS = ROOT / "docs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SCHEMAS = [
    ("vendor.compose-spec", "docs/compose.yaml"),
    ("vendor.github-workflows", ".github/workflows/nightly.yml"),
    ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/fault.yml"),
    ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/idea.yml"),
    ("vendor.github-issue-config", ".github/ISSUE_TEMPLATE/config.yml"),
]


class Page(HTMLParser):
    """A page of the site: its anchors, what it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors, self.links, self.loaded = {""}, set[str](), set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what an element names."""
        given = {name: value or "" for name, value in attrs}
        self.anchors.add(given.get("id", ""))
        if tag == "a":
            self.links.add(given.get("href", ""))
        elif tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loaded.add(given["href"])
        elif tag in {"script", "img", "iframe", "source"} and "src" in given:
            self.loaded.add(given["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documents as a site, built as ``make docs`` does: a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    strict = ("--quiet", "--fail-on-warning", "--keep-going", "-d", folder / "doctrees")
    command = (sys.executable, "-m", "sphinx", *strict, DOCS, folder / "html")
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    return folder / "html"


def test_every_document_is_a_page_of_the_site(site: Path) -> None:
    """And the README is its first."""
    assert {path.stem for path in DOCS.glob("*.md")} <= {path.stem for path in site.glob("*.html")}
    front = (site / "index.html").read_text(encoding="utf-8")
    assert "Point it at a run" in front
    for each in DOCS.glob("*.md"):
        assert each.stem == "index" or f'href="{each.stem}.html"' in front, each.name


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    """To a page and an anchor of it, or to another site; what a page loads comes from the site itself."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    broken, foreign = [], []
    for path, page in pages.items():
        for address in page.links | page.loaded:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                foreign += [address] if address in page.loaded and parts.scheme != "data" else []
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else {""}
            if not target.is_file() or (unquote(parts.fragment) not in anchors and address in page.links):
                broken.append(f"{path.name}: {address}")
    assert (broken, foreign) == ([], [])
    assert sum(len(page.links) for page in pages.values()) > 500


@pytest.mark.parametrize(("schema", "file"), SCHEMAS, ids=lambda each: Path(each).name)
def test_a_file_for_another_program_fits_its_schema(schema: str, file: str) -> None:
    """The compose file, the workflow and the issue forms, against the schemas of who reads them."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, ROOT / file)
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_every_such_file_is_checked() -> None:
    """A workflow or an issue form that is added has a schema above."""
    found = {str(path.relative_to(ROOT)) for path in (ROOT / ".github").rglob("*.yml")}
    assert found == {file for _, file in SCHEMAS if file.startswith(".github")}


def test_the_image_has_nothing_to_lint() -> None:
    """hadolint, which pip brings where it has a wheel, finds nothing in the Dockerfile."""
    hadolint = shutil.which("hadolint", path=Path(sys.executable).parent)
    if not hadolint and not CI:
        pytest.skip("no hadolint on this machine")
    ended = subprocess.run([str(hadolint), DOCS / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_compose_file_mounts_what_the_image_reads() -> None:
    """Each folder of the image's settings, runs and settings read-only; the port is open to this machine only."""
    image = (DOCS / "Dockerfile").read_text(encoding="utf-8")
    service: dict[str, Any] = yaml.safe_load((DOCS / "compose.yaml").read_text("utf-8"))["services"][
        "monitor"
    ]
    mounts = [each.rsplit("}:" if "}" in each else ":", 1)[1] for each in service["volumes"]]
    assert mounts == ["/runs:ro", "/etc/thalia-monitor:ro", "/cache"]
    for variable in ("ROOT", "CACHE_DIR", "STATE_DIR", "AUTH_FILE"):
        [place] = re.findall(rf"THALIA_MONITOR_{variable}=(\S+)", image)
        assert place.startswith(tuple(each.removesuffix(":ro") for each in mounts)), variable
    assert service["ports"] == ["127.0.0.1:8050:8050"]
    context = (DOCS / service["build"]["context"]).resolve()
    assert (context, context / service["build"]["dockerfile"]) == (ROOT, DOCS / "Dockerfile")


def test_the_nightly_run_names_tests_and_commands_that_there_are() -> None:
    """What it leaves out is a test, each make target and script exists, and it tries each Python that is claimed."""
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    for file, test in re.findall(r"(tests/\S+\.py)::(\w+)", text):
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"run: make (\w+)", text)) <= targets
    for script in re.findall(r"scripts/[\w-]+", text):
        assert (ROOT / script).is_file(), script
    assert claimed() <= set(re.findall(r'"(3\.\d+)"', text))


def claimed() -> set[str]:
    """The Pythons that the package says it runs on."""
    return {found[1] for each in PROJECT["classifiers"] if (found := re.search(r"Python :: (3\.\d+)$", each))}


def test_every_python_that_is_claimed_was_tried() -> None:
    """The releasing page has a row for each, and the oldest is the one that pip requires."""
    tried = re.findall(r"^\| (3\.\d+)\.\d+ \|", (DOCS / "releasing.md").read_text("utf-8"), re.MULTILINE)
    assert claimed() == set(tried)
    assert PROJECT["requires-python"] == ">=" + min(claimed(), key=lambda each: int(each.split(".")[1]))


def test_every_extra_is_documented() -> None:
    """The table of extras, where one learns what to install, has each with its packages."""
    text = (DOCS / "deployment.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `\[(\w+)\]` \|", text, re.MULTILINE))
    assert documented == set(PROJECT["optional-dependencies"])


def test_the_changelog_begins_with_this_version() -> None:
    """Below what is not released: the version, and a day on which it was."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = re.findall(r"^## \[(.+?)\](?: - (\S+))?$", text, re.MULTILINE)
    assert sections[0] == ("Unreleased", "")
    assert sections[1][0] == __version__
    assert date.fromisoformat(sections[1][1]).year >= 2026
