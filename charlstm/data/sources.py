"""Where text comes from: files, folders, compressed files, tables, standard input, built-in corpora."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import hashlib
import os
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Literal, cast

from charlstm.config import CorpusConfig
from charlstm.data.boilerplate import cut_boilerplate
from charlstm.data.builtin import BUILTIN_CORPORA, builtin_documents
from charlstm.data.decoding import BLOCK_BYTES, Readable, check_encoding, decode_blocks
from charlstm.data.documents import END_MARK
from charlstm.data.tables import delimited_rows, json_rows
from charlstm.errors import DataError

# What cannot be read twice (a pipe) is copied first, up to this many bytes.
MAX_SPOOLED_BYTES = 4 << 30

Kind = Literal["text", "csv", "tsv", "jsonl", "builtin"]
Advance = Callable[[int], None]

_KINDS: dict[str, Kind] = {
    ".txt": "text",
    ".md": "text",
    ".text": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_GZIP_START = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """One text, that can be read as often as one likes.

    Attributes:
        name: what a person called it.
        path: the file to read; None for a built-in corpus.
        kind: how its text is found in it.
        bytes: the size of the file, or of the built-in text.
    """

    name: str
    path: Path | None
    kind: Kind
    bytes: int

    @property
    def is_table(self) -> bool:
        """Whether the text is a column of rows."""
        return self.kind in ("csv", "tsv", "jsonl")

    def sha256(self) -> str:
        """Return the hash of the file's bytes, in hexadecimal."""
        if self.path is None:
            return hashlib.sha256(END_MARK.join(builtin_documents(self.name)).encode("utf-8")).hexdigest()
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Sources:
    """All sources of a corpus, in order.

    Attributes:
        sources: what is read.
        skipped_files: how many files in folders were passed over, because their names are not those of text.
    """

    sources: tuple[Source, ...]
    skipped_files: int


@contextlib.contextmanager
def open_sources(names: Sequence[str], config: CorpusConfig) -> Iterator[Sources]:
    """Find the sources that a person named; copies of pipes are deleted when the block ends.

    Args:
        names: files, folders, "-" for standard input, or names of built-in corpora.
        config: how text becomes a dataset.

    Raises:
        DataError: a name that is none of these, a folder without text, a pipe that does not end.
        OptionError: an unknown encoding.
    """
    check_encoding(config.encoding)
    if not names:
        raise DataError("there is no text to read: name a file, a folder, or - for standard input")
    found: list[Source] = []
    skipped = 0
    with contextlib.ExitStack() as temporary:
        for name in names:
            if name == "-":
                found.append(_spooled("standard input", sys.stdin.buffer, config, temporary))
            elif os.path.isdir(name):
                files, passed = _text_files(Path(name))
                found += [_from_file(str(path), path, config) for path in files]
                skipped += passed
            elif os.path.isfile(name):
                found.append(_from_file(name, Path(name), config))
            elif os.path.exists(name):
                with open(name, "rb") as file:
                    found.append(_spooled(name, file, config, temporary))
            elif name in BUILTIN_CORPORA:
                size = sum(len(text.encode("utf-8")) for text in builtin_documents(name))
                found.append(Source(name, None, "builtin", size))
            else:
                known = ", ".join(BUILTIN_CORPORA)
                raise DataError(f"there is no file, folder or built-in corpus {name!r} (built in are: {known})")
        _check_kinds(found, config)
        yield Sources(tuple(found), skipped)


def read_blocks(source: Source, config: CorpusConfig, advance: Advance) -> Iterator[str]:
    """Yield the text of a source in blocks; END_MARK stands after each row of a table.

    Args:
        source: what to read.
        config: how text becomes a dataset.
        advance: is told how many more bytes were read.

    Raises:
        DataError: the file cannot be read, decoded or understood.
    """
    if source.path is None:
        for text in builtin_documents(source.name):
            advance(len(text.encode("utf-8")))
            yield text + END_MARK
        return
    try:
        with source.path.open("rb") as raw, _decompressed(_Counted(raw, advance), source.path) as file:
            text_blocks = decode_blocks(file, source.name, config.encoding)
            if source.kind == "text":
                yield from text_blocks if config.keep_boilerplate else cut_boilerplate(text_blocks)
            elif source.kind == "jsonl":
                yield from _joined(json_rows(text_blocks, source.name, config.column, config.where))
            else:
                separator = "," if source.kind == "csv" else "\t"
                yield from _joined(delimited_rows(text_blocks, source.name, separator, config.column, config.where))
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise DataError(f"{source.name} is not a sound gzip file: {problem}") from None
    except OSError as problem:
        raise DataError(f"{source.name} cannot be read: {problem.strerror or problem}") from None


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], advance: Advance) -> None:
        self._file = file
        self._advance = advance

    def read(self, size: int = -1, /) -> bytes:
        block = self._file.read(size)
        self._advance(len(block))
        return block


def _decompressed(file: _Counted, path: Path) -> contextlib.AbstractContextManager[Readable]:
    with path.open("rb") as start:
        compressed = start.read(2) == _GZIP_START
    # The first bytes decide, not the name: standard input has none.
    if not compressed:
        return contextlib.nullcontext(file)
    return gzip.GzipFile(fileobj=cast(IO[bytes], file), mode="rb")


def _joined(rows: Iterable[str]) -> Iterator[str]:
    parts: list[str] = []
    size = 0
    for row in rows:
        parts.append(row)
        size += len(row) + 1
        if size >= BLOCK_BYTES:
            yield END_MARK.join([*parts, ""])
            parts, size = [], 0
    if parts:
        yield END_MARK.join([*parts, ""])


def _from_file(name: str, path: Path, config: CorpusConfig) -> Source:
    kind = _KINDS.get(_suffix(path))
    if kind is None:
        kind = _guessed(path) if config.column is not None else "text"
    # A file name may hold bytes that are no text; an error message and dataset.json can only show them.
    shown = os.fsencode(name).decode("utf-8", "backslashreplace")
    return Source(shown, path, kind, path.stat().st_size)


def _suffix(path: PurePath) -> str:
    path = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return path.suffix.lower()


def _guessed(path: Path) -> Kind:
    """Return which table a file without a telling name is, from its first line."""
    line = b""
    with contextlib.suppress(EOFError, zlib.error, OSError), path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        line = (gzip.GzipFile(fileobj=file) if start == _GZIP_START else file).readline(1 << 16)
    if line.lstrip().startswith(b"{"):
        return "jsonl"
    return "tsv" if b"\t" in line else "csv"


def _text_files(folder: Path) -> tuple[list[Path], int]:
    """Return the text files below a folder, sorted by path, and how many other files there are."""
    files: list[Path] = []
    skipped = 0
    for parent, folders, names in os.walk(folder, onerror=_refuse_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or not path.is_file():
                continue
            if _suffix(path) in _KINDS or (not path.suffix and _has_no_nul(path)):
                files.append(path)
            else:
                skipped += 1
    if not files:
        wanted = " ".join(_KINDS)
        raise DataError(f"the folder {folder} holds no text: files of these kinds are read: {wanted} (also .gz)")
    return sorted(files), skipped


def _refuse_folder(problem: OSError) -> None:
    raise DataError(f"the folder {problem.filename} cannot be read: {problem.strerror}")


def _has_no_nul(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b"\0" not in file.read(1 << 12)
    except OSError:
        return True  # reading it later says what is wrong


def _spooled(name: str, file: IO[bytes], config: CorpusConfig, temporary: contextlib.ExitStack) -> Source:
    """Copy what can be read only once into a temporary file."""
    copy = tempfile.NamedTemporaryFile(prefix="charlstm-", suffix=".spool")  # noqa: SIM115 -- the stack closes it
    temporary.enter_context(copy)
    size = 0
    is_text = False
    try:
        while block := file.read(BLOCK_BYTES):
            size += len(block)
            if size > MAX_SPOOLED_BYTES:
                raise DataError(f"{name} has over {MAX_SPOOLED_BYTES:,} bytes: save it to a file and name that")
            if size == len(block):
                is_text = codecs.lookup(config.encoding).name == "utf-8" and not block.startswith(_GZIP_START)
            copy.write(block)
            if is_text and b"\0" in block:
                break  # decoding will refuse it: no need to wait for the end, which /dev/zero never reaches
        copy.flush()
    except OSError as problem:
        raise DataError(f"{name} cannot be copied to a temporary file: {problem.strerror}") from None
    path = Path(copy.name)
    kind = _KINDS.get(_suffix(PurePath(name)))
    if kind is None:
        kind = _guessed(path) if config.column is not None else "text"
    return Source(name, path, kind, size)


def _check_kinds(sources: Sequence[Source], config: CorpusConfig) -> None:
    plain = next((source for source in sources if not source.is_table), None)
    if config.documents == "row" and config.document_delimiter is None and plain is not None:
        raise DataError(f"{plain.name} has no rows: --documents row is for CSV, TSV and JSONL")
    if not any(source.is_table for source in sources):
        if config.column is not None:
            raise DataError(f"{sources[0].name} has no columns, so --column {config.column!r} names nothing in it")
        if config.where:
            raise DataError(f"{sources[0].name} has no columns, so --where {config.where[0][0]!r} names nothing in it")
