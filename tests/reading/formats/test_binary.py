import json
import struct
from collections.abc import Mapping
from io import BytesIO, FileIO
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from fixtures.thalia_files import frame, header, metadata, plain
from thalia_monitor.reading.files import Torn
from thalia_monitor.reading.formats import binary
from thalia_monitor.reading.formats.binary import (
    NAME,
    Listed,
    Save,
    Unfinished,
    read_binary,
    read_from,
)


def read(content: bytes) -> Any:
    """Read a checkpoint from memory."""
    return read_from(BytesIO(content), len(content))


def compressed(fields: Mapping[str, Any], **totals: int) -> bytes:
    """A checkpoint as a zstd frame with a checksum behind, as Thalia saves from 2025-12-11 on."""
    return zstandard.ZstdCompressor().compress(plain(fields, (), **totals)[:-32]) + b"\xbb" * 32


class Counted(FileIO):
    """A file that counts the bytes read from it."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count."""
        part = super().read(size) or b""
        self.taken += len(part)
        return part


def test_header_and_metadata_are_read() -> None:
    """A plain checkpoint gives its metadata, totals, time and regions; pathways are no regions."""
    names = ["cortex", "pathway:attention", "hippocampus"]
    save = read(plain(metadata(5000), names, neurons=700, synapses=9000, saved_at=1765220000))
    assert isinstance(save, Save)
    assert save.metadata["global_step"] == 5000
    assert (save.neurons, save.synapses, save.saved_at) == (700, 9000, 1765220000)
    assert save.regions == ("cortex", "hippocampus")
    assert save.complete


def test_two_gigabytes_of_tensors_are_not_read(tmp_path: Path) -> None:
    """Of a checkpoint of 2 GB less than 4 KB are read: header, metadata and index, wherever it lies."""
    text = json.dumps(metadata(5000), indent=2).encode()
    tensors_end = 2 * 2**30
    path = tmp_path / "stage_0_step_5000.thalia"
    with path.open("wb") as file:
        file.write(header(len(text), (tensors_end, 48), 1) + text)
        file.seek(tensors_end)
        file.write(struct.pack("<32sQQ", b"cortex", 0, 0) + bytes(32))
    with Counted(path, "rb") as counted:
        save = read_from(counted, path.stat().st_size)
    assert isinstance(save, Save)
    assert save.regions == ("cortex",)
    assert save.complete
    assert counted.taken == 256 + len(text) + 48 < 4096
    assert read_binary(path) == save


@pytest.mark.parametrize("content", [b"", bytes(3), bytes(256), bytes(100_000), b"THAL" + bytes(90)])
def test_an_unwritten_header_is_not_an_error(content: bytes) -> None:
    """A file that begins with zeros, or with less than a header, is one that is still being written."""
    assert read(content) == Unfinished()


def test_the_header_comes_before_the_checksum() -> None:
    """With the header in and the checksum not yet, the metadata are read; the file is incomplete."""
    save = read(plain(metadata(7), ["cortex"])[:-32])
    assert isinstance(save, Save)
    assert not save.complete
    assert save.metadata["global_step"] == 7


def test_zstd_under_the_plain_name_is_read() -> None:
    """A zstd frame is sniffed by its first bytes and decompressed as far as the metadata."""
    save = read(compressed(metadata(5000), neurons=3))
    assert isinstance(save, Save)
    assert (save.metadata["global_step"], save.neurons) == (5000, 3)


def test_a_zstd_frame_without_compression_is_read() -> None:
    """A frame that stores its content as it is, is read like any other."""
    save = read(frame(plain(metadata(5000))))
    assert isinstance(save, Save)
    assert save.metadata["global_step"] == 5000


def test_a_zstd_frame_still_being_written_is_read_or_waited_for() -> None:
    """A cut-off frame is unfinished or torn, never a crash; once the metadata are in, it can be read."""
    whole = compressed(metadata(5000, filler="x" * 50_000))
    for cut in range(4, len(whole), 7):
        try:
            found = read(whole[:cut])
        except Torn:
            continue
        assert found == Unfinished() or found.metadata["global_step"] == 5000


def test_without_a_zstd_library_the_file_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no library for zstd is installed, the reason says how to install one."""
    monkeypatch.setattr(binary, "DECOMPRESSOR", None)
    found = read(compressed(metadata(1)))
    assert isinstance(found, Listed)
    assert "pip install thalia-monitor[zstd]" in found.reason


def test_lz4_and_deltas_are_listed() -> None:
    """Other compressions and deltas are listed with the reason; a delta's header still tells its step."""
    lz4 = read(b"\x04\x22\x4d\x18" + bytes(400))
    delta = read(
        struct.pack("<5sI32sQQ", b"\xce\x94THL", 1, bytes(32), 5000, 6000).ljust(64, b"\0") + b"\x80pickle"
    )
    assert isinstance(lz4, Listed)
    assert "lz4" in lz4.reason
    assert isinstance(delta, Listed)
    assert delta.step == 6000
    assert "never opened" in delta.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(400), "no Thalia checkpoint"),
        (header(2**40, (0, 0), 0), "damaged header"),
        (header(400, (0, 0), 0) + b"{", "ends within its metadata"),
        (header(4, (0, 0), 0) + b"{..}", "damaged metadata"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 400, "damaged zstd frame"),
    ],
)
def test_damage_is_said_in_words(content: bytes, words: str) -> None:
    """What is no checkpoint, or a damaged one, is torn with the reason."""
    with pytest.raises(Torn, match=words):
        read(content)


@given(
    st.binary(max_size=600),
    st.integers(0, 600),
    st.sampled_from([b"", b"THAL", b"\x28\xb5\x2f\xfd", b"\xce\x94THL"]),
)
def test_no_bytes_crash_the_reader(noise: bytes, at: int, start: bytes) -> None:
    """Whatever the bytes are, the answer is a checkpoint, a state, or Torn."""
    whole = plain(metadata(1), ["cortex"])
    for content in (start + noise, whole[:at] + noise + whole[at + len(noise) :]):
        try:
            assert read(content) is not None
        except Torn as torn:
            assert torn.reason


@pytest.mark.parametrize("name", ["stage_-1_final.thalia", "x.thalia.zst", "a.delta.thalia"])
def test_names(name: str) -> None:
    """Every name that Thalia gives or documents is recognised."""
    assert NAME.fullmatch(name)


def test_a_compressed_file_is_read_as_far_as_metadata_can_lie(tmp_path: Path) -> None:
    """A zstd file of 20 GB in which nothing comes (4 KB on the disk) is left after a few megabytes, and says why."""
    path = tmp_path / "stage_0_step_5000.thalia"
    with path.open("wb") as file:
        file.write(b"\x28\xb5\x2f\xfd" + bytes([0x00, 0x58]))  # a frame of empty blocks, without an end
        file.truncate(20 * 2**30)
    with Counted(path, "rb") as counted, pytest.raises(Torn, match="not decompressed further"):
        read_from(counted, path.stat().st_size)
    assert counted.taken <= binary.LARGEST_COMPRESSED + 2**18


def test_entries_and_fields_are_bounded() -> None:
    """Of a long list in the metadata the beginning is read, and what nobody uses is not held."""
    history = [{"region": "cortex", "n": n} for n in range(binary.MOST_ENTRIES + 5)]
    save = read(compressed(metadata(5000, growth_history=history, other=["x"] * 1000)))
    assert save.metadata["growth_history"] == history[: binary.MOST_ENTRIES]
    assert save.reasons == ("has 10,005 entries in its growth_history; only the first 10,000 are read",)
    assert "other" not in save.metadata


def test_metadata_of_more_than_a_megabyte_are_refused() -> None:
    """428 bytes may decompress to 1.4 million entries: they are not parsed at all."""
    bomb = compressed({"global_step": 1, "growth_history": [{}] * 1_400_000})
    assert len(bomb) < 2000
    with pytest.raises(Torn, match="damaged header"):
        read(bomb)
