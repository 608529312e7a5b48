"""The ledger: what was written can be read back for good, and one changed byte anywhere is noticed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.canonical import digest
from kb.errors import LedgerBroken
from kb.ledger import GENESIS, Entry, Head, Ledger

TIME = "2016-02-27T00:00:00Z"


def _entry(record: str, text: str, revision: int = 1, replaces: str | None = None) -> Entry:
    return Entry("put", record, revision, digest(text), replaces, "PUBLIC", text)


def _line(record: str, value: str) -> str:
    return f'<{record}> <urn:p> "{value}" .\n'


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Three segments: two records, the second revision of one of them, and an empty change."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.create()
    first, second = _line("urn:a", "عربي\u2028one line"), _line("urn:a", "second")
    ledger.append({"label": "one"}, TIME, [_entry("urn:a", first), _entry("urn:b", _line("urn:b", "b"))])
    ledger.append({"label": "two"}, TIME, [_entry("urn:a", second, 2, digest(first))])
    ledger.append({"label": "three"}, TIME, [])
    return ledger


def _files(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.iterdir())


def _is_broken(ledger: Ledger) -> bool:
    try:
        ledger.verify()
    except LedgerBroken as error:
        assert error.what and error.why
        return True
    return False


def test_ledger_verifies_what_it_wrote(ledger: Ledger) -> None:
    check = ledger.verify()
    assert (check.segments, check.entries) == (3, 3)
    assert check.bytes == sum(p.stat().st_size for p in _files(ledger))
    assert check.head == ledger.head()


def test_ledger_is_a_function_of_its_input(ledger: Ledger, tmp_path: Path) -> None:
    again = Ledger(tmp_path / "again")
    again.create()
    for number in range(1, 4):
        header = ledger.header(number)
        again.append(header["activity"], header["time"], list(ledger.entries(number)))
    assert [p.read_bytes() for p in _files(again)] == [p.read_bytes() for p in _files(ledger)]


def test_ledger_chains_every_segment_to_the_one_before(ledger: Ledger) -> None:
    assert ledger.header(1)["previous"] == GENESIS
    assert [ledger.header(n)["segment"] for n in (1, 2, 3)] == [1, 2, 3]
    assert len({ledger.header(n)["previous"] for n in (1, 2, 3)}) == 3


def test_ledger_notices_every_flipped_byte(ledger: Ledger) -> None:
    """All files, all offsets; HEAD is text, so there every bit is tried."""
    flips = 0
    for path in _files(ledger):
        good = path.read_bytes()
        with path.open("r+b", buffering=0) as handle:
            for offset, byte in enumerate(good):
                masks = [1 << bit for bit in range(8)] if path.name == "HEAD" else [0xFF, 1 << offset % 8]
                for mask in masks:
                    os.pwrite(handle.fileno(), bytes([byte ^ mask]), offset)
                    assert _is_broken(ledger), f"{path.name} byte {offset} ^ {mask:#x} was not noticed"
                    flips += 1
                os.pwrite(handle.fileno(), bytes([byte]), offset)
    assert not _is_broken(ledger)
    assert flips > 2000


def _truncations(ledger: Ledger) -> Iterator[tuple[str, Path, int]]:
    for path in _files(ledger):
        size = path.stat().st_size
        for length in {0, 1, size // 2, size - 1}:
            yield f"{path.name} cut to {length}", path, length


def test_ledger_notices_cut_and_lengthened_files(ledger: Ledger) -> None:
    for told, path, length in _truncations(ledger):
        good = path.read_bytes()
        path.write_bytes(good[:length])
        assert _is_broken(ledger), told
        path.write_bytes(good)
    for path in _files(ledger):
        good = path.read_bytes()
        for more in (b"\0", b"\n", b" ", gzip.compress(b"{}\n", mtime=0), good):
            path.write_bytes(good + more)
            assert _is_broken(ledger), f"{path.name} with {more[:10]!r} behind it"
        path.write_bytes(good)
    assert not _is_broken(ledger)


def test_ledger_notices_missing_swapped_and_strange_files(ledger: Ledger, tmp_path: Path) -> None:
    one, two = ledger.segment_path(1), ledger.segment_path(2)
    for path in _files(ledger):
        path.rename(tmp_path / "aside")
        assert _is_broken(ledger), f"{path.name} is missing"
        (tmp_path / "aside").rename(path)
    one.rename(tmp_path / "aside")
    two.rename(one)
    (tmp_path / "aside").rename(two)
    assert _is_broken(ledger), "two segments are swapped"
    one.rename(tmp_path / "aside")
    two.rename(one)
    (tmp_path / "aside").rename(two)
    assert not _is_broken(ledger)
    for name in ("stranger.txt", "00000005.jsonl.gz", "00000002.jsonl.gz.bak", ".hidden", "00000003.unfinished"):
        (ledger.folder / name).write_bytes(b"x")
        assert _is_broken(ledger), name
        (ledger.folder / name).unlink()
    (ledger.folder / "folder").mkdir()
    assert _is_broken(ledger), "a folder"


def test_ledger_notices_a_segment_written_anew_with_a_fitting_head(ledger: Ledger, tmp_path: Path) -> None:
    """A forger who rewrites a middle segment would have to rewrite all that follow."""
    forged = Ledger(tmp_path / "forged")
    forged.create()
    forged.append(ledger.header(1)["activity"], TIME, [_entry("urn:a", _line("urn:a", "forged"))])
    shutil.copyfile(forged.segment_path(1), ledger.segment_path(1))
    assert _is_broken(ledger)


def test_ledger_notices_that_its_beginning_is_cut_off(ledger: Ledger) -> None:
    """Every digest fits, but the first segment names one before it."""
    digests = [hashlib.sha256(ledger.segment_path(n).read_bytes()).hexdigest() for n in (1, 2, 3)]
    for number in (2, 3):
        ledger.segment_path(number).rename(ledger.segment_path(number - 1))
    head = json.dumps({"segment": 2, "sha256": digests[2]}, sort_keys=True, separators=(",", ":")) + "\n"
    (ledger.folder / "HEAD").write_text(head)
    with pytest.raises(LedgerBroken, match=f"does not start the chain: it names {digests[0]} before it"):
        ledger.verify()


def test_ledger_tells_where_it_is_broken_and_what_to_do(ledger: Ledger) -> None:
    path = ledger.segment_path(2)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(LedgerBroken, match=r"00000002\.jsonl\.gz has changed.*SHA-256.*Restore the file") as caught:
        ledger.verify()
    assert caught.value.exit_code == 1


def test_ledger_recover_removes_only_what_lies_beyond_head(ledger: Ledger) -> None:
    beyond = {"00000004.unfinished": b"x", "00000004.jsonl.gz": b"y", "HEAD.new": b"z"}
    kept = {p.name: p.read_bytes() for p in _files(ledger)}
    for name, data in beyond.items():
        (ledger.folder / name).write_bytes(data)
    strange = ("00000003.unfinished", "00000005.jsonl.gz", "notes.txt")
    for name in strange:
        (ledger.folder / name).write_bytes(b"not ours to remove")
    assert ledger.recover() == sorted(beyond)
    assert {p.name for p in _files(ledger)} == {*kept, *strange}
    for name in strange:
        (ledger.folder / name).unlink()
    assert {p.name: p.read_bytes() for p in _files(ledger)} == kept
    assert ledger.recover() == []


def test_ledger_verifies_while_a_writer_is_at_work(ledger: Ledger) -> None:
    (ledger.folder / "00000004.unfinished").write_bytes(b"half a segm")
    assert ledger.verify().segments == 3


def test_ledger_append_that_fails_in_the_middle_changes_nothing(ledger: Ledger) -> None:
    before = ledger.head()

    def entries() -> Iterator[Entry]:
        yield _entry("urn:c", _line("urn:c", "c"))
        raise RuntimeError("the source of the entries broke")

    with pytest.raises(RuntimeError):
        ledger.append({}, TIME, entries())
    assert ledger.head() == before
    assert ledger.verify().segments == 3
    assert ledger.recover() == ["00000004.unfinished"]
    assert ledger.append({}, TIME, []).segment == 4
    assert ledger.verify().segments == 4


def test_ledger_keeps_every_revision_readable(ledger: Ledger) -> None:
    found = list(ledger.history("urn:a"))
    assert [(number, header["activity"]["label"], entry.revision) for number, header, entry in found] == [
        (1, "one", 1), (2, "two", 2)
    ]  # fmt: skip
    first, second = (entry for _, _, entry in found)
    assert first.triples == _line("urn:a", "عربي\u2028one line")
    assert second.triples == _line("urn:a", "second")
    assert second.replaces == first.sha256 == digest(first.triples)
    assert [n for n, _, _ in ledger.history("urn:b")] == [1]
    assert list(ledger.history("urn:none")) == []
    assert set(ledger.find(1, {"urn:b", "urn:none"})) == {"urn:b"}


def test_ledger_never_reads_a_changed_byte_as_data(ledger: Ledger) -> None:
    """Whoever reads without verifying first gets what was written, or is told; never a traceback, never other data."""
    known = list(ledger.history("urn:a"))
    told = 0
    for number in (1, 2):
        with ledger.segment_path(number).open("r+b", buffering=0) as handle:
            for offset, byte in enumerate(ledger.segment_path(number).read_bytes()):
                for mask in (0xFF, 1 << offset % 8):
                    os.pwrite(handle.fileno(), bytes([byte ^ mask]), offset)
                    try:
                        assert list(ledger.history("urn:a")) == known, (number, offset)
                    except LedgerBroken as error:
                        assert "mizan ledger verify" in error.hint
                        told += 1
                os.pwrite(handle.fileno(), bytes([byte]), offset)
    assert told > 500
    assert list(ledger.history("urn:a")) == known


def test_ledger_segments_open_with_standard_tools(ledger: Ledger) -> None:
    lines = gzip.decompress(ledger.segment_path(1).read_bytes()).decode().split("\n")
    assert len(lines) == 5 and lines[-1] == ""
    assert '"kind":"header"' in lines[0] and '"kind":"footer"' in lines[3]


def test_ledger_empty_chain_verifies(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create()
    assert ledger.head() == Head(0, GENESIS)
    check = ledger.verify()
    assert (check.segments, check.entries) == (0, 0)
    assert list(ledger.history("urn:a")) == []
