from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charlstm.config import CorpusConfig
from charlstm.data import sources as sources_module
from charlstm.data.builtin import builtin_documents
from charlstm.data.decoding import decode_blocks
from charlstm.data.sources import open_sources, read_blocks
from charlstm.errors import DataError, OptionError


class Pieces:
    """A file that gives its bytes in pieces of given sizes."""

    def __init__(self, content: bytes, size: int) -> None:
        self._file = io.BytesIO(content)
        self._size = size

    def read(self, _: int, /) -> bytes:
        return self._file.read(self._size)


def read(*names: str | Path, **options: Any) -> str:
    config = CorpusConfig(**options)
    with open_sources([str(name) for name in names], config) as found:
        return "".join("".join(read_blocks(source, config, lambda _: None)) for source in found.sources)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), st.integers(1, 9))
def test_line_ends_are_universal_whatever_the_blocks(text: str, size: int) -> None:
    expected = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert "".join(decode_blocks(Pieces(text.encode("utf-8"), size), "x", "utf-8")) in (
        expected,
        text.replace("\r\n", "\n").replace("\r", "\n"),  # a mark that comes in pieces is not seen; files have none
    )
    wide = "".join(decode_blocks(Pieces(text.encode("utf-16"), size), "x", "utf-16"))
    assert wide == text.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1 << 20])
@pytest.mark.parametrize(
    ("content", "line", "offset"),
    [(b"ab\ncd\xffe", 2, 5), (b"\xef\xbb\xbfab\r\n\r\n\xe9", 3, 9), (b"\xc3\xa4\rb\xe2\x82", 2, 4), (b"\xffx\n", 1, 0)],
)
def test_an_undecodable_byte_is_named_by_line_and_offset(content: bytes, line: int, offset: int, size: int) -> None:
    size = max(size, 3) if content.startswith(b"\xef") else size  # files give a byte order mark whole
    with pytest.raises(DataError, match=f"poem, line {line}, byte offset {offset}: the byte 0x"):
        list(decode_blocks(Pieces(content, size), "poem", "utf-8"))


def test_offsets_beyond_the_first_block(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"0123456789abcde\n" * 200_000 + b"\x80")
    with pytest.raises(DataError, match=r"x\.txt, line 200,001, byte offset 3,200,000: the byte 0x80"):
        read(tmp_path / "x.txt")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF\0\0", "line 1: holds a NUL character, so it is a binary file"),
        (b"a\nb\0", "line 2: holds a NUL"),
        (b"\xff\xfea\0", "give --encoding utf-16"),
        (b"\xff\xfe\0\0a\0\0\0", "give --encoding utf-32"),
        (b"\x1f\x8bnonsense", "not a sound gzip file"),
        (gzip.compress(b"text" * 5000, mtime=0)[:-9], "not a sound gzip file"),
    ],
)
def test_binary_and_broken_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.txt")


def test_encodings(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes("é".encode("latin-1"))
    assert read(tmp_path / "x.txt", encoding="latin-1") == "é"
    (tmp_path / "y.txt").write_bytes("é".encode("utf-16"))
    assert read(tmp_path / "y.txt", encoding="utf-16") == "é"
    (tmp_path / "z.txt").write_bytes("é".encode("utf-8-sig"))
    assert read(tmp_path / "z.txt") == "é"


def test_an_encoding_that_skips_nothing_is_refused_in_order_where_it_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b"m>\xaa\x90")
    with pytest.raises(DataError, match="after line 1: is not valid idna"):
        read(tmp_path / "x.txt", encoding="idna")


@pytest.mark.parametrize("name", ["nonsense", "", "zlib", "rot13", "undefined", "a\0b", "x" * 5000])
def test_an_unknown_encoding_is_wrong_usage(name: str) -> None:
    with pytest.raises(OptionError, match="--encoding"):
        read("-", encoding=name)


def test_folders_are_read_whole_and_sorted(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.md", "a/c.txt.gz", "plain", ".hidden", "a/.git/x.txt", "picture.png", "program"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0" if name == "program" else f"<{name}>".encode())
    (tmp_path / "a/c.txt.gz").write_bytes(gzip.compress(b"<packed>"))
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert read(tmp_path) == "<packed><a/z.md><b.txt><plain>"
    with open_sources([str(tmp_path)], CorpusConfig()) as found:
        assert found.skipped_files == 2


def test_a_folder_without_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"x")
    with pytest.raises(DataError, match="holds no text"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["two words.txt", "line\nend.txt", "-o.txt", "ä.txt"])
def test_odd_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("text")
    assert read(name) == "text"


def test_a_missing_file_is_refused_with_the_built_in_names() -> None:
    with pytest.raises(DataError, match=r"'nowhere\.txt' \(built in are: python-manual, ballads\)"):
        read("nowhere.txt")


def test_built_in_corpora(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manual = builtin_documents("python-manual")
    assert len(manual) > 50
    assert sum(map(len, manual)) > 300_000
    assert read("python-manual").split("\0")[:-1] == manual
    ballads = builtin_documents("ballads")
    assert len(ballads) > 10
    assert all(ballad.strip() for ballad in ballads)
    monkeypatch.chdir(tmp_path)
    Path("ballads").write_text("a file goes first")
    assert read("ballads") == "a file goes first"


def test_standard_input_and_pipes_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from afar")))
    assert read("-") == "from afar"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"piped",))
    writer.start()
    assert read(pipe) == "piped"
    writer.join()


def test_an_endless_pipe_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources_module, "MAX_SPOOLED_BYTES", 3_000_000)

    class Endless:
        buffer = Pieces(b"", 0)

    monkeypatch.setattr(Endless.buffer, "read", lambda size: b"y\n" * (size // 2))
    monkeypatch.setattr(sys, "stdin", Endless)
    with pytest.raises(DataError, match="standard input has over 3,000,000 bytes"):
        read("-")
    with pytest.raises(DataError, match="NUL"):
        read("/dev/zero")


CSV = 'artist,text,year\r\nA,"one\r\ntwo, ""three""",1\r\nB,four,2\r\nA,five,2\r\nA,,2\r\n'


def test_tables(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(CSV.encode())
    (tmp_path / "x.tsv").write_text("a\tb\n1\ttab\n")
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (tmp_path / "x.jsonl").write_text('{"b": "json\\r\\nline", "n": 1}\n\n{"b": null, "n": 1}\n{"b": "x", "n": 2}\n')
    assert read(tmp_path / "x.csv") == 'one\ntwo, "three"\0four\0five\0\0'
    assert read(tmp_path / "x.csv.gz", column="artist") == "A\0B\0A\0A\0"
    assert read(tmp_path / "x.csv", where=(("artist", "A"), ("year", "2"))) == "five\0\0"
    assert read(tmp_path / "x.tsv", column="b") == "tab\0"
    assert read(tmp_path / "x.jsonl", column="b", where=(("n", "1"),)) == "json\nline\0"
    (tmp_path / "one.csv").write_text("lyrics\nla\n")
    assert read(tmp_path / "one.csv") == "la\0"
    (tmp_path / "late.csv").write_text("\n \nlyrics\nla\n\nle\n")
    assert read(tmp_path / "late.csv") == "la\0le\0"


def test_a_table_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for content, column, expected in [
        (CSV.encode(), "year", "1\0002\0002\0002\0"),
        (b'{"a": "x"}\n', "a", "x\0"),
        (b"a\tb\n1\t2\n", "b", "2\0"),
        (gzip.compress(b"a\tb\n1\t2\n", mtime=0), "b", "2\0"),
    ]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        assert read("-", column=column) == expected


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("x.csv", "a,b\n1,2\n", {"column": "text"}, "has no column 'text'; it has a, b"),
        ("x.csv", "a,b\n1,2\n", {}, r"several columns \(a, b\): say with --column"),
        ("x.csv", "a,b\n1,2\n", {"column": "a", "where": (("c", "1"),)}, "has no column 'c'"),
        ("x.csv", 'a,b\n1,2\n1,"2\n1,2\n', {"column": "b"}, "line 3: is not valid CSV"),
        ("x.csv", 'a,b\n"1\n1",2\n1,"2" 3\n', {"column": "b"}, "line 4: is not valid CSV"),
        ("x.tsv", 'a\tb\n1\t2\n1\t"2\n', {"column": "b"}, "line 3: is not valid CSV"),
        ("x.csv", 'a,"b\n', {}, "line 1: is not valid CSV"),
        ("x.jsonl", '{"a": 1}\n', {"column": "b"}, "line 1: has no column 'b'"),
        ("x.jsonl", '{"a": "x"}\n{}\n', {}, "line 2: has no column$"),
        ("x.jsonl", '{"a": "x"}\n{"a": 1}\n', {"column": "a"}, "line 2: the key 'a' holds 1, which is no text"),
        ("x.jsonl", '{"a": "x"}\n{"a": \n', {"column": "a"}, "line 2: is not valid JSON"),
        ("x.jsonl", "[" * 200_000, {"column": "a"}, "line 1: is not valid JSON"),
        ("x.jsonl", "[1]", {"column": "a"}, "not a JSON object"),
        ("x.jsonl", '{"a": "\\ud800"}', {}, r"lone surrogate U\+D800"),
        ("x.jsonl", '{"a": "\\u0000"}', {}, "NUL"),
        ("x.jsonl", '{"a": ' + "9" * 9999 + "}", {}, "not valid JSON"),
        ("x.txt", "text", {"column": "a"}, "has no columns, so --column 'a'"),
        ("x.txt", "text", {"where": (("a", "1"),)}, "has no columns, so --where 'a'"),
        ("x.txt", "text", {"documents": "row"}, "has no rows"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, name: str, content: str, options: dict[str, Any], message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name, **options)
