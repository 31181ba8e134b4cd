"""The built package, installed elsewhere: each page, stylesheet and script is in it; the logger needs nothing."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
import tarfile
import tomllib
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
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution and the wheel that was built from it, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, folder=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked elsewhere."""
    [found] = built.glob("*.tar.gz")
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(found) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"thalia_monitor-{__version__}"


def environment(wheel: Path, place: Path) -> Path:
    """An environment of its own with nothing but the wheel in it."""
    venv.create(place, with_pip=False, symlinks=True)
    pip = (sys.executable, "-m", "pip", "--python", place / "bin" / "python")
    run(*pip, "install", "--no-deps", "--no-index", wheel, folder=place)
    return place


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``pip install thalia-monitor`` leaves, without an extra: no dependency is installed."""
    return environment(wheel, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with the server's dependencies, which are the test environment's."""
    place = environment(wheel, tmp_path_factory.mktemp("environment"))
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
    assert "thalia_monitor/py.typed" in names
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
    assert any("plotly-cartesian.min.js" in each for each in named)
    for address in named:
        assert address.startswith("/"), address
        status, content = served.get(address)
        assert status == 200, address
        assert len(content) > 100, address


def test_the_installed_command_checks_a_directory(installed: Path, tmp_path: Path) -> None:
    """Every command works there, not just the server."""
    said = run(installed / "bin" / "thalia-monitor", "check", FIXTURES / "healthy", folder=tmp_path)
    assert "300,000" in said


def test_without_an_extra_nothing_else_is_installed(wheel: Path) -> None:
    """Every requirement is an extra's: a training's own numpy and pandas stay what they are."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"thalia_monitor-{__version__}.dist-info/METADATA").decode()
    required = re.findall(r"^Requires-Dist: (.+)$", metadata, re.MULTILINE)
    assert len(required) > 15
    assert [each for each in required if "extra ==" not in each] == []
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert {each for each in extras if f"numpy>=2.2; extra == '{each}'" in required} == set(extras)


def test_the_logger_alone_writes_a_run(bare: Path, installed: Path, tmp_path: Path) -> None:
    """Where nothing but the wheel is installed; the server, elsewhere, reads what it wrote."""
    scripts = ROOT / "tests" / "user_scripts"
    run(bare / "bin" / "python", scripts / "train.py", tmp_path / "run", folder=tmp_path)
    read = run(installed / "bin" / "python", scripts / "read.py", tmp_path / "run", folder=tmp_path)
    assert read == "critical: The loss is flat.\n"


@pytest.mark.parametrize(
    "command", [("bin/thalia-monitor",), ("bin/python", "-m", "thalia_monitor", "check", ".")]
)
def test_without_the_server_its_commands_name_the_extra(
    bare: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    """One sentence on standard error and exit code 2, no traceback."""
    ended = subprocess.run(
        [bare / command[0], *command[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "thalia-monitor: Only the logger is installed here (click is missing). The dashboard, its commands and "
        "load_training_state need: pip install 'thalia-monitor[server]'.\n"
    )


@pytest.mark.parametrize("name", ["load_training_state", "create_app", "TrainingState"])
def test_without_the_server_its_names_are_an_import_error(bare: Path, tmp_path: Path, name: str) -> None:
    """One that names the extra and what is missing; the logger's names are there."""
    program = f"try: from thalia_monitor import {name}\nexcept ImportError as e: print(e.name, e, sep='|')"
    missing, _, words = run(bare / "bin" / "python", "-c", program, folder=tmp_path).partition("|")
    assert missing in {"numpy", "dash", "flask", "click"}
    assert words.startswith(f"Only the logger is installed here ({missing} is missing).")
    assert words.endswith("pip install 'thalia-monitor[server]'.\n")


def checked(python: Path, script: str, folder: Path) -> str:
    """What ``mypy --strict`` prints about a user's script against what is installed there."""
    command = (sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--no-incremental")
    copy = folder / script
    copy.write_text((ROOT / "tests" / "user_scripts" / script).read_text("utf-8"), encoding="utf-8")
    ended = subprocess.run(
        [*command, "--python-executable", python, copy],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout


def test_a_training_script_passes_a_strict_type_checker(bare: Path, tmp_path: Path) -> None:
    """The logger's types are the package's own, and need nothing else installed."""
    assert (
        checked(bare / "bin" / "python", "train.py", tmp_path)
        == "Success: no issues found in 1 source file\n"
    )


def test_a_reading_script_passes_a_strict_type_checker(installed: Path, tmp_path: Path) -> None:
    """Each attribute of a state has the documented type."""
    assert (
        checked(installed / "bin" / "python", "read.py", tmp_path)
        == "Success: no issues found in 1 source file\n"
    )


def test_a_name_that_there_is_not_fails_a_type_checker(bare: Path, tmp_path: Path) -> None:
    """A mistyped import is found before it runs."""
    (tmp_path / "typo.py").write_text("from thalia_monitor import CuriculumLogger\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--python-executable", bare / "bin" / "python", "typo.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'has no attribute "CuriculumLogger"' in ended.stdout


def test_the_index_would_take_it(built: Path) -> None:
    """``twine check`` finds nothing to warn about in either file."""
    said = run(sys.executable, "-m", "twine", "check", "--strict", *built.iterdir(), folder=built)
    assert said.count("PASSED") == 2


def test_the_description_leads_to_the_repository(wheel: Path) -> None:
    """On the package's page no link and no picture of the README is relative; each file is there."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"thalia_monitor-{__version__}.dist-info/METADATA").decode()
    _, _, description = metadata.partition("\n\n")
    links = re.findall(r"(!?)\[[^]]*\]\(([^)]+)\)", description)
    assert len(links) > 10
    home = re.findall(r"^Project-URL: Homepage, (.+)$", metadata, re.MULTILINE)[0]
    raw = home.replace("github.com", "raw.githubusercontent.com") + "/main/"
    for picture, address in links:
        assert address.startswith(("https://", "http://127.0.0.1", "#")), address
        base = raw if picture else f"{home}/blob/main/"
        if address.startswith(base):
            assert (ROOT / address.removeprefix(base).partition("#")[0]).is_file(), address
    assert any(picture and address.startswith(raw) for picture, address in links)


def test_the_source_distribution_is_the_whole_checkout(unpacked: Path) -> None:
    """Every committed file: docs, pictures, tests and fixtures; none that git ignores."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    committed = set(run("git", "ls-files", folder=ROOT).splitlines())
    found = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert sorted(committed - found) == []
    new = {"PKG-INFO"} | set(
        run("git", "ls-files", "--others", "--exclude-standard", folder=ROOT).splitlines()
    )
    assert sorted(found - committed - new) == []


def test_the_tests_of_the_source_distribution_run(unpacked: Path) -> None:
    """Some of every kind, where nothing of a checkout is at hand."""
    some = (
        "tests/model",
        "tests/logger/test_contract.py",
        "tests/reading/test_run_reader.py",
        "tests/test_fixtures.py",
    )
    said = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *some, folder=unpacked)
    assert re.search(r"\d{2,} passed", said), said
    assert "failed" not in said
