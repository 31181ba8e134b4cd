from __future__ import annotations

from pathlib import Path

from fixtures.make import FIXTURES, make

COMMITTED = Path(__file__).parent.parent / "fixtures"


def files_below(directory: Path) -> dict[str, bytes]:
    """Every file of every fixture, by its path."""
    names = {fixture.__name__ for fixture in FIXTURES}
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for name in names
        for path in sorted((directory / name).rglob("*"))
        if path.is_file()
    }


def test_the_committed_fixtures_are_those_the_program_makes(tmp_path: Path) -> None:
    """``python -m fixtures.make`` changes nothing: same seed, same bytes."""
    make(tmp_path)

    made, committed = files_below(tmp_path), files_below(COMMITTED)

    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


def test_the_fixtures_stay_small() -> None:
    """All fixtures together take less than 3 MB of the checkout."""
    assert sum(len(content) for content in files_below(COMMITTED).values()) < 3_000_000
