"""The lines, documents or files of texts, each of which is scored by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from charlstm.config import CorpusConfig
from charlstm.data.documents import BLANK_LINES, END_MARK, SINGLE_BLANK_LINE, WHOLE, Boundary, mark_documents
from charlstm.data.normalization import normalize_text
from charlstm.data.sources import Source, open_sources, read_blocks
from charlstm.errors import DataError

By = Literal["line", "document", "file"]


@dataclass(frozen=True)
class Unit:
    """A piece of text that stands for itself.

    Attributes:
        source: what a person called the text that it is a part of.
        number: of the line, document or file in it, counted from 1.
        text: its characters, in the normal form that texts have by default; not empty.
    """

    source: str
    number: int
    text: str


def read_units(names: Sequence[str], by: By, column: str | None) -> list[Unit]:
    """Read texts and part them; what is nothing but white space is passed over, though empty lines are counted.

    Args:
        names: files, folders, "-" for standard input, or names of built-in corpora.
        by: what a unit is: a line without its end, of all lines of a file; a row of a table, or what two or more blank
            lines part (one, where the texts nowhere have two); or all text of a file.
        column: the column of tables that holds the text; None for the only one, or the one named "text".

    Raises:
        DataError: text that cannot be read, or none at all.
    """
    # A line has the number by which an editor finds it.
    config = CorpusConfig(column=column, keep_boilerplate=by == "line")
    with open_sources(names, config) as sources:
        texts = [(source.name, _text(source, config)) for source in sources.sources]
    if by == "document":
        units = _documents(texts)
    elif by == "line":
        units = [Unit(source, *each) for source, text in texts for each in _lines(text)]
    else:
        wholes = [(source, text.replace(END_MARK, "\n")) for source, text in texts]
        units = [Unit(source, 1, text) for source, text in wholes if text.strip()]
    if not units:
        raise DataError(f"there is no text in {', '.join(names[:3])}: nothing but white space")
    return units


def _text(source: Source, config: CorpusConfig) -> str:
    """Return all text of a source, END_MARK after each row of a table."""
    blocks = read_blocks(source, config, lambda _: None)
    return normalize_text("".join(blocks), config.normalize, lowercase=False)


def _lines(text: str) -> list[tuple[int, str]]:
    lines = text.replace(END_MARK, "\n").split("\n")
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _documents(texts: Sequence[tuple[str, str]]) -> list[Unit]:
    for boundary in (BLANK_LINES, SINGLE_BLANK_LINE):
        # Only the rows of tables end in marks, and nothing else parts them.
        parted = [_parted(source, text, WHOLE if END_MARK in text else boundary) for source, text in texts]
        if any(len(units) > 1 for (_, text), units in zip(texts, parted, strict=True) if END_MARK not in text):
            break
    return [unit for units in parted for unit in units]


def _parted(source: str, text: str, boundary: Boundary) -> list[Unit]:
    documents = "".join(mark_documents([text], boundary)).split(END_MARK)
    return [Unit(source, number, document) for number, document in enumerate(documents, 1) if document]
