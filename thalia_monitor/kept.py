"""What people keep beside a run: notes at its steps, and named views of the charts, as TOML in the state folder.

Nothing of it is ever written into a run's directory. Several processes may write at once: each file has a lock beside
it, and is replaced in one piece.
"""

from __future__ import annotations

import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

import tomli_w
from filelock import FileLock, Timeout
from platformdirs import user_state_path

from thalia_monitor import contract, system
from thalia_monitor.errors import NotKept, SettingsError
from thalia_monitor.logger.files import write_whole
from thalia_monitor.model.records import Note, Problem

if TYPE_CHECKING:
    from thalia_monitor.model.run import TrainingState
    from thalia_monitor.settings import Settings

MOST_NOTES: Final = 500
"""Notes of one run."""
MOST_A_MINUTE: Final = 30
"""Notes that one person may add to a run in a minute."""
MOST_VIEWS: Final = 100
LONGEST_TEXT: Final = 500
LONGEST_USER: Final = 60
LONGEST_QUERY: Final = 4_000
LARGEST: Final = 2_000_000
"""Bytes of a file; a larger one is none of ours."""
PATIENCE: Final = 5.0
"""Seconds to wait for another process to write."""
MINUTE: Final = 60.0
NOWHERE: Final = Path(os.devnull) / "no-home"
"""The folder of a user without a home: nothing is there, and nothing can be written."""
VIEW_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,39}")
LAST_STEP: Final = 2**53
VIEW_HEAD: Final = "# A view of thalia-monitor's charts: thalia-monitor --view FILE (docs/notes.md).\n"


def state_folder(settings: Settings) -> Path:
    """The folder for what is kept between starts: --state-dir, or the user's own."""
    return settings.state_dir or system.user_folder(user_state_path) or NOWHERE


class KeptFile:
    """A TOML file that several processes read and replace."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def signature(self) -> str:
        """What differs between two versions of the file; empty where there is none."""
        try:
            found = self.path.stat()
        except OSError:
            return ""
        changed = max(found.st_mtime_ns, found.st_ctime_ns)  # a permission changes the latter only
        return f"{found.st_ino:x}-{changed:x}-{found.st_size:x}"

    def content(self) -> dict[str, Any]:
        """What is in the file; nothing where there is none. Raises NotKept for one that cannot be read."""
        try:
            if self.path.stat().st_size <= LARGEST:
                return tomllib.loads(self.path.read_text(encoding="utf-8"))
            why = f"it is larger than {LARGEST:,} bytes"
        except FileNotFoundError:
            return {}
        except OSError as error:
            why = error.strerror or str(error)
        except (ValueError, RecursionError) as error:  # tomllib's own errors are ValueErrors
            why = str(error)
        raise NotKept(f"{self.path} is not readable TOML: repair or move it ({why[:LONGEST_TEXT]}).")

    def tables(self, content: Mapping[str, Any], name: str) -> list[Any]:
        """A list of the file's content; empty where there is none. Raises NotKept where the name is no list."""
        found = content.get(name, [])
        if not isinstance(found, list):
            raise NotKept(f"{self.path} has a {name} that is no list of tables: repair or move it.")
        return found

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock for a change; raises NotKept where another process has it, or it cannot be made."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"), timeout=PATIENCE)
            lock.acquire()
        except Timeout as error:  # an OSError too
            raise NotKept(f"Another process is writing {self.path}: please try again.") from error
        except (OSError, NotImplementedError) as error:  # the latter is filelock's, of a drive without locks
            raise self._not_kept(error) from error
        try:
            yield
        finally:
            lock.release()

    def write(self, content: Mapping[str, Any], head: str = "") -> None:
        """Replace the file; its lock is held. Raises NotKept."""
        encoded = (head + tomli_w.dumps(content)).encode("utf-8")
        try:
            write_whole(self.path, encoded)
        except OSError as error:
            raise self._not_kept(error) from error

    def _not_kept(self, error: OSError | NotImplementedError) -> NotKept:
        why = getattr(error, "strerror", None) or error
        return NotKept(f"{self.path.parent} cannot be written to ({why}): name another with --state-dir.")


class RunNotes:
    """The notes of one run."""

    def __init__(self, folder: Path, run: str) -> None:
        self._file = KeptFile(folder / "notes" / f"{run}.toml")
        self._read: tuple[str, tuple[Note, ...]] = ("", ())
        self._problem = ""
        self._shown: tuple[TrainingState, str, TrainingState] | None = None

    @property
    def signature(self) -> str:
        """Changes whenever a note is added or removed; empty without any."""
        return self._file.signature

    def all(self) -> tuple[Note, ...]:
        """Every note, by step; read again where the file has changed, and none of one that cannot be read."""
        now, read = self.signature, self._read
        if now == read[0]:
            return read[1]
        listed: list[Any] = []
        self._problem = ""
        try:
            listed = self._file.tables(self._file.content(), "note")
        except NotKept as error:
            self._problem = f"notes are not shown: {error}"
        found = [note for each in listed if (note := _note(each))]
        notes = tuple(sorted(found[:MOST_NOTES], key=lambda each: (each.step, each.time)))
        self._read = now, notes
        return notes  # not what another thread has read meanwhile, which may be older

    def onto(self, state: TrainingState) -> TrainingState:
        """The state with the notes, its version with theirs; the state itself where there are none."""
        signature = self.signature
        if not signature:
            return state
        shown = self._shown
        if shown is None or shown[0] is not state or shown[1] != signature:
            marked = replace(state, notes=self.all(), version=f"{state.version}+{signature}")
            if self._problem:
                problem = Problem(self._file.path.name, None, self._problem)
                known, total = [problem, *marked.problems], marked.total_problems + 1
                marked = replace(marked, problems=known, total_problems=total)
            self._shown = shown = state, signature, marked
        return shown[2]

    def versioned(self, version: str) -> str:
        """A version of the run's files together with that of its notes."""
        signature = self.signature
        return f"{version}+{signature}" if signature else version

    def add(self, step: int, end: int | None, text: str, user: str, now: float) -> Note:
        """Add a note at a step, or from a step to another; ``now`` is its time in Unix seconds.

        Raises:
            NotKept: it is not acceptable, there are too many, or it cannot be written.
        """
        words = contract.printable(contract.legible(" ".join(text.split())))
        if not words or len(words) > LONGEST_TEXT:
            raise NotKept(f"A note has 1 to {LONGEST_TEXT} characters, and this one has {len(words):,}.")
        if not 0 <= step < LAST_STEP or (end is not None and not step <= end < LAST_STEP):
            raise NotKept("A note belongs to a step, or to the steps from one to a later one.")
        name = contract.printable(contract.legible(" ".join(user.split())))[:LONGEST_USER] or "unknown"
        note = Note(secrets.token_hex(6), step, words, name, round(now, 3), None if end == step else end)
        self._change(lambda tables: [*_not_too_many(tables, name, now), _table(note)])
        return note

    def remove(self, identifier: str) -> bool:
        """Remove a note; whether there was one. Raises NotKept where that cannot be written."""
        return self._change(lambda tables: [each for each in tables if not _is(each, identifier)])

    def _change(self, change: Callable[[list[Any]], list[Any]]) -> bool:
        """Write the file with other tables; whether they are fewer. What of it is no note stays as it is."""
        with self._file.lock():
            content = self._file.content()
            before = self._file.tables(content, "note")
            after = change(before)
            if len(after) != len(before):
                self._file.write({**content, "note": after})
            self._read = ("", ())
        return len(after) < len(before)


def _is(table: Any, identifier: str) -> bool:
    note = _note(table)
    return note is not None and note.id == identifier


def _not_too_many(tables: list[Any], user: str, now: float) -> list[Any]:
    if len(tables) >= MOST_NOTES:
        raise NotKept(f"This run has {MOST_NOTES} notes already: remove one to add another.")
    notes = [note for each in tables if (note := _note(each))]
    recent = sum(each.user == user and abs(now - each.time) < MINUTE for each in notes)
    if recent >= MOST_A_MINUTE:
        raise NotKept(f"That were {recent} notes within a minute: please wait a little.")
    return tables


def _table(note: Note) -> dict[str, Any]:
    known = {"id": note.id, "step": note.step, "text": note.text, "user": note.user, "time": note.time}
    return known if note.end is None else known | {"end": note.end}


def _note(table: Any) -> Note | None:
    """Read one note; None for what is none, since anybody may edit the file."""
    if not isinstance(table, dict):
        return None
    step, end, time = table.get("step"), table.get("end"), table.get("time")
    texts = [contract.printable(str(table.get(name, ""))) for name in ("id", "text", "user")]
    if type(step) is not int or not 0 <= step < LAST_STEP or not texts[1]:
        return None
    known = end if type(end) is int and step < end < LAST_STEP else None
    seconds = float(time) if isinstance(time, int | float) and 0 <= time < 2e11 else 0.0
    return Note(texts[0][:40], step, texts[1][:LONGEST_TEXT], texts[2][:LONGEST_USER], seconds, known)


class Views:
    """Named views of the charts: the query string of a page, each in a TOML file of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "views"

    def names(self) -> list[str]:
        """The names of all views."""
        try:
            found = [each.stem for each in self._folder.glob("*.toml") if VIEW_NAME.fullmatch(each.stem)]
        except OSError:
            return []
        return sorted(found, key=str.casefold)[:MOST_VIEWS]

    def query(self, name: str) -> str:
        """The query string of a view.

        Raises:
            SettingsError: there is no such view.
        """
        if not VIEW_NAME.fullmatch(name) or name not in self.names():
            known = ", ".join(self.names()) or "none yet"
            raise SettingsError(
                f"There is no view {name[:40]!r}; there are: {known}. Else give a file, or x=wall&smooth=0.6."
            )
        return query_of(self._folder / f"{name}.toml")

    def save(self, name: str, query: str) -> None:
        """Keep a view under a name, instead of one that has it; raises NotKept."""
        name = " ".join(name.split())
        if not VIEW_NAME.fullmatch(name):
            raise NotKept(
                "A view's name has 1 to 40 letters, digits, spaces, - and _, a letter or digit first."
            )
        if len(query) > LONGEST_QUERY:
            raise NotKept("This view is too long to be kept.")
        given = parse_qsl(query.removeprefix("?"))
        chosen = {key: contract.legible(value) for key, value in given if key in VIEW_KEYS}
        file = KeptFile(self._folder / f"{name}.toml")
        with file.lock():
            if name not in self.names() and len(self.names()) >= MOST_VIEWS:
                raise NotKept(f"There are {MOST_VIEWS} views already: remove a file of {self._folder}.")
            file.write({"name": name, "view": chosen}, VIEW_HEAD)


VIEW_KEYS: Final = ("x", "smooth", "from", "to", "log", "clip", "events", "hide", "pin")
"""Parameters of a page's address that make up a view."""


def query_of(path: Path) -> str:
    """The query string of a view's file.

    Raises:
        SettingsError: it cannot be read, or is no view.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"--view {path} cannot be read: {error}.") from error
    view = content.get("view")
    if not isinstance(view, dict) or not view.keys() <= set(VIEW_KEYS):
        raise SettingsError(f"--view {path} has no table [view] of {', '.join(VIEW_KEYS)}.")
    if not all(isinstance(value, str | int | float) for value in view.values()):
        raise SettingsError(f"--view {path}: each value of [view] is a text or a number.")
    return urlencode({key: str(value) for key, value in view.items()}, safe=",")


def chosen_view(settings: Settings) -> str:
    """The query string of ``--view``: itself, or that of a file or of a named view.

    Raises:
        SettingsError: there is no such file or view.
    """
    given = settings.view
    if not given or "=" in given:
        return given
    if given.endswith(".toml") or os.sep in given or Path(given).is_file():
        return query_of(Path(given))
    return Views(state_folder(settings)).query(given)
