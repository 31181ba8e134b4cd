from pathlib import Path

from tests.reading.logger_files import write_json
from thalia_monitor.reading.formats.diagnostics import read_diagnostics


def test_issues_are_warnings_without_a_step(tmp_path: Path) -> None:
    """Each health issue is a warning with its own severity and place."""
    silent = {
        "severity": "critical",
        "category": "firing",
        "message": "silent",
        "region": "cortex",
        "population": "l6a",
    }
    report = {"health": {"issues": [silent, {"severity": "odd", "message": "x"}, None]}}
    path = write_json(tmp_path, "diagnostics_report.json", report)
    first, second = read_diagnostics(path, path.name).events
    assert (first.kind, first.step) == ("warning", None)
    assert first.fields == {"severity": "critical", "message": "silent (cortex, l6a)", "category": "firing"}
    assert second.fields["severity"] == "warning"


def test_a_report_without_health_has_nothing_to_tell(tmp_path: Path) -> None:
    """Other shapes are read for what they have."""
    path = write_json(tmp_path, "diagnostics_report.json", {"health": [1]})
    assert read_diagnostics(path, path.name).events == ()
