"""Bytes to text in blocks: strict decoding that knows where it failed, and universal newlines."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from charlstm.errors import DataError, OptionError

BLOCK_BYTES = 1 << 20

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        ...


def check_encoding(encoding: str) -> None:
    """Refuse an encoding that Python does not know, or that is not one of text.

    Raises:
        OptionError: the name of another codec, or of none.
    """
    try:
        codec = codecs.lookup(encoding)
        # Codecs between bytes and bytes (such as "zlib") do not decode to text.
        usable = getattr(codec, "_is_text_encoding", True) and codec.incrementaldecoder is not None
        if usable:
            codec.incrementaldecoder("strict").decode(b"", False)
    except (LookupError, ValueError):
        usable = False
    if not usable:
        raise OptionError(f"--encoding {encoding}: Python knows no text encoding of this name")


def decode_blocks(file: Readable, name: str, encoding: str) -> Iterator[str]:
    r"""Yield the text of a byte stream in blocks; every line ends in "\n".

    Args:
        file: the bytes.
        name: what to call the file in an error.
        encoding: a Python codec name; a UTF-8 byte order mark is skipped.

    Raises:
        DataError: a byte that cannot be decoded, or a NUL character, as binary files have.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    is_utf8 = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")
    offset, line, carriage_return = 0, 1, ""
    while True:
        block = file.read(BLOCK_BYTES)
        skipped = 0
        if offset == 0 and is_utf8:
            _refuse_other_marks(block, name)
            if block.startswith(codecs.BOM_UTF8):
                # Skipped here and not by the "utf-8-sig" codec, so that the offsets in errors stay right.
                skipped = len(codecs.BOM_UTF8)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block[skipped:], not block)
        except UnicodeError as problem:
            raise _undecodable(problem, name, encoding, offset + skipped - pending, line) from None
        if not is_utf8:
            _refuse_surrogates(text, name, encoding, line)
        if "\0" in text:
            line += _lines(text[: text.index("\0")])
            raise DataError(f"{name}, line {line:,}: holds a NUL character, so it is a binary file and not text")
        last = not block
        text = carriage_return + text
        carriage_return = "\r" if text.endswith("\r") and not last else ""
        if carriage_return:
            text = text[:-1]  # a "\n" may follow in the next block
        if has_returns := "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if text:
            line += text.count("\n") if has_returns or not is_utf8 else _line_feeds(block)
            yield text
        if last:
            return
        offset += len(block)


def _refuse_other_marks(block: bytes, name: str) -> None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if block.startswith(mark):
            raise DataError(f"{name} begins with the byte order mark of {encoding.upper()}: give --encoding {encoding}")


def _refuse_surrogates(text: str, name: str, encoding: str, line: int) -> None:
    """Refuse what only codecs with escapes of their own, such as UTF-7, can make."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as problem:
        line += _lines(text[: problem.start])
        code = ord(text[problem.start])
        raise DataError(
            f"{name}, line {line:,}: holds the lone surrogate U+{code:04X}, which is no character: is it {encoding}?"
        ) from None


def _undecodable(problem: UnicodeError, name: str, encoding: str, offset: int, line: int) -> DataError:
    hint = "it is binary, or give its --encoding"
    somewhere = DataError(f"{name}, after line {line:,}: is not valid {encoding} ({problem}): {hint}")
    if not isinstance(problem, UnicodeDecodeError):
        return somewhere
    try:
        good = problem.object[: problem.start].decode(encoding, "ignore")
    except UnicodeError:
        # Some codecs, such as "idna", cannot skip what they cannot decode.
        return somewhere
    line += _lines(good)
    byte = problem.object[problem.start]
    where = f"{name}, line {line:,}, byte offset {offset + problem.start:,}"
    return DataError(f"{where}: the byte 0x{byte:02x} is not valid {encoding} ({problem.reason}): {hint}")


def _line_feeds(block: bytes) -> int:
    # Five times as fast as bytes.count or str.count, over all of a text that is nearly always sound.
    return int(np.count_nonzero(np.frombuffer(block, np.uint8) == ord("\n")))


def _lines(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
