"""A log written as one JSON array of objects instead of lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from thalia_monitor import contract
from thalia_monitor.model.records import Problem
from thalia_monitor.reading.formats import json_values
from thalia_monitor.reading.jsonl.line import (
    OBJECT,
    REPAIR_BUDGET,
    Item,
    decode_line,
    read_object,
    text_fields,
    what_is_wrong,
)
from thalia_monitor.reading.recording import MetricLine

LARGEST: Final = 512 * 2**20
"""Bytes; a larger array is refused: unlike lines, it has to be in memory whole."""
SNIFFED: Final = 4096

_decoder = json.JSONDecoder()


def looks_like_array(head: bytes) -> bool:
    """Tell from a file's first bytes whether it is an array of objects, or may still become one."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start.startswith(b"["):
        return False
    rest = start[1:].lstrip()
    return not rest or rest[:1] in b"{]"


def decode_array(content: bytes, file: str = contract.LOG_NAME) -> Iterator[Item]:
    """Read every complete object of an array; an unfinished last one is held back, as an unfinished line is.

    Behind what cannot be read it goes on at the next line of the log; what follows the array's end is read as
    lines.
    """
    text = content.decode(errors="replace").removeprefix("\ufeff")
    position = text.index("[") + 1
    line, counted = 1, 0
    budget, lost = REPAIR_BUDGET, False
    while True:
        position = _next_object(text, position) if lost else _past(text, position)
        if position >= len(text):
            return
        line, counted = line + text.count("\n", counted, position), position
        if text[position] == "]":
            yield from _decode_rest(text, position + 1, line, file)
            return
        try:
            value, position = _decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            if isinstance(error, json.JSONDecodeError) and _is_unfinished(text, error):
                return
            # A failure costs its whole position, not just what was scanned: json counts the lines before it.
            budget -= error.pos if isinstance(error, json.JSONDecodeError) else len(text)
            goes_on = budget > 0 and _next_object(text, position + 1) < len(text)
            if not lost:
                rest = "is read on behind it" if goes_on else "is not read from here on"
                yield Problem(file, line, f"{what_is_wrong(error, position)}; the array {rest}")
            if not goes_on:
                return
            position, lost = position + 1, True
            continue
        if lost and not value.keys() & {contract.STEP, contract.EVENT_TYPE}:
            continue  # a whole object within the broken one, such as its neuron_counts
        lost = False
        yield from _decode_value(value, file, line)


def _next_object(text: str, position: int) -> int:
    """Find where the next object seems to begin; the text's end where none does."""
    match = OBJECT.search(text, position)
    return match.start() if match else len(text)


def _past(text: str, position: int) -> int:
    """Skip white space and one comma."""
    match = re.compile(r"\s*,?\s*").match(text, position)
    return match.end() if match else position


def _is_unfinished(text: str, error: json.JSONDecodeError) -> bool:
    """Tell a text that merely stops from one that is wrong."""
    return error.msg.startswith("Unterminated string") or not text[error.pos + 1 :].strip(" \t\r\n\0")


def _decode_value(value: object, file: str, line: int) -> Iterator[Item]:
    if not isinstance(value, dict):
        yield Problem(file, line, f"should be a JSON object, and is {json_values.kind_of(value)}")
        return
    reasons: list[str] = []
    item = read_object(value, file, line, reasons.append)
    yield from (Problem(file, line, reason) for reason in reasons)
    if item is not None:
        yield item
    if isinstance(item, MetricLine):
        yield from text_fields(value, file, line)


def _decode_rest(text: str, position: int, line: int, file: str) -> Iterator[Item]:
    for offset, rest in enumerate(text[position:].split("\n")[:-1]):
        yield from decode_line(rest.encode(errors="replace"), line + offset, file)
