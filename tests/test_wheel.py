"""The built package, installed elsewhere: every page, stylesheet and script is in it."""

from __future__ import annotations

import re
import site
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import FIXTURES, ROOT, Server, serving
from thalia_monitor import __version__

pytestmark = pytest.mark.wheel

PAGES = sorted((ROOT / "pages").glob("*.py"))
ASSETS = sorted(path for path in (ROOT / "assets").iterdir() if path.is_file())


def run(*command: str | Path, folder: Path) -> str:
    """Run a command; what it said when it fails."""
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built without a network."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of its own with the wheel in it, whose dependencies are the test environment's."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        wheel,
        folder=place,
    )
    [packages] = place.glob("lib/python*/site-packages")
    # Behind the wheel's own folder, and without the .pth files that would lead back to the checkout.
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def served(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The installed command, started in an empty directory."""
    folder = tmp_path_factory.mktemp("elsewhere")
    program = [installed / "bin" / "thalia-monitor"]
    with serving("--checkpoint-dir", FIXTURES / "healthy", program=program, folder=folder) as server:
        yield server


def test_the_wheel_holds_the_site_and_the_licences(wheel: Path) -> None:
    """Pages, assets and Bootstrap's licence, and nothing of tests or fixtures."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    expected = {f"thalia_monitor/pages/{path.name}" for path in PAGES}
    expected |= {f"thalia_monitor/assets/{path.name}" for path in ASSETS}
    assert expected <= set(names)
    assert [name for name in names if re.match(r"(tests|fixtures|benchmarks|docs|scripts)/", name)] == []
    kept = f"thalia_monitor-{__version__}.dist-info/licenses"
    assert f"{kept}/LICENSE" in names
    assert any(name.startswith(kept) and name.endswith("00-bootstrap.LICENSE") for name in names)
    assert all(name.startswith(("thalia_monitor/", "thalia_monitor-")) for name in names)


def test_it_is_the_installed_package_that_runs(installed: Path, tmp_path: Path) -> None:
    """Not the checkout's."""
    where = run(
        installed / "bin" / "python",
        "-c",
        "import thalia_monitor; print(thalia_monitor.__file__)",
        folder=tmp_path,
    )
    assert str(installed) in where
    said = run(installed / "bin" / "thalia-monitor", "--version", folder=tmp_path)
    assert said == f"thalia-monitor, version {__version__}\n"


def test_every_page_is_served(served: Server) -> None:
    """By its address; what fills it is registered too."""
    paths = re.findall(r'path="(/[\w/]*)"', "".join(path.read_text("utf-8") for path in PAGES))
    assert len(paths) == len(PAGES)
    for path in paths:
        status, text = served.get(path)
        assert status == 200 and "thalia-monitor" in text, path
    dependencies = served.get("_dash-dependencies")[1]
    assert any("growth-log-rows" in each["output"] for each in dependencies)
    assert "thalia" in str(served.get("_dash-layout")[1])


def test_every_file_that_a_page_names_is_served(served: Server) -> None:
    """Stylesheets, scripts, icon and plotly.js, each with content, and each from this server."""
    _, page = served.get("metrics")
    named = re.findall(r'(?:src|href|data-plotly)="([^"]+)"', page)
    assert {Path(each.partition("?")[0]).name for each in named} >= {
        *(path.name for path in ASSETS if path.suffix in (".css", ".js", ".svg")),
    }
    assert any("plotly" in each and each.endswith(".js") for each in named)
    for address in named:
        assert address.startswith("/"), address
        status, content = served.get(address)
        assert status == 200, address
        assert len(content) > 100, address


def test_the_installed_command_checks_a_directory(installed: Path, tmp_path: Path) -> None:
    """Every command works there, not just the server."""
    said = run(installed / "bin" / "thalia-monitor", "check", FIXTURES / "healthy", folder=tmp_path)
    assert "300,000" in said
