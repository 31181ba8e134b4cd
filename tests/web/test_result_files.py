"""The folder of finished figures: bounded, and written to without looking at what is in it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from thalia_monitor.web.cache import ResultFiles


def test_the_newest_stay(tmp_path: Path) -> None:
    """The oldest go, in good time before there are more than are kept, and the folder is looked at seldom."""
    files = ResultFiles(str(tmp_path), threshold=40)
    with patch.object(ResultFiles, "_tidy", autospec=True, side_effect=ResultFiles._tidy) as tidied:
        for number in range(200):
            files.set(f"{number}", number)
            assert len(list(tmp_path.iterdir())) <= 40
    assert tidied.call_count == 200 // 5
    assert [files.get(f"{number}") for number in range(175, 200)] == list(range(175, 200))
    assert files.get("100") is None


def test_a_folder_without_a_limit_is_left_alone(tmp_path: Path) -> None:
    """As flask-caching has it: 0 is no limit."""
    files = ResultFiles(str(tmp_path), threshold=0)
    for number in range(50):
        files.set(f"{number}", number)
    assert len(list(tmp_path.iterdir())) == 50
