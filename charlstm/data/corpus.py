"""A corpus in two passes: count its symbols and documents, then encode it, block by block."""

from __future__ import annotations

import lzma
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charlstm.config import CorpusConfig
from charlstm.data.documents import (
    BLANK_LINES,
    END_MARK,
    LINE,
    SINGLE_BLANK_LINE,
    WHOLE,
    Boundary,
    delimiter,
    mark_documents,
)
from charlstm.data.normalization import normalize_blocks, normalize_text
from charlstm.data.sources import Advance, Sources, read_blocks
from charlstm.data.vocabulary import END_OF_DOCUMENT, MAX_SYMBOLS, UNKNOWN, Vocabulary, code_points
from charlstm.data.word_corpus import Encoder, WordCounter, add_lengths, word_encoder, words_begin
from charlstm.data.words import whole_word_blocks, word_pattern
from charlstm.errors import DataError

# xz takes seconds for each megabyte, so that it sees no more than the beginning of a large text.
XZ_CHARACTERS = 4_000_000

_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Counts:
    """What the first pass found.

    Attributes:
        boundary: what parts documents.
        occurrences: how often each symbol occurs: each character or word, UNKNOWN for words that are unknown already.
        characters: the number of characters, without what stands for the ends of documents.
        lengths: the symbols of each document (D,), before some are left out.
        beginning: the first characters of the text, at most XZ_CHARACTERS.
        is_tokenized: whether the text was parted into words before.
    """

    boundary: Boundary
    occurrences: Mapping[str, int]
    characters: int
    lengths: NDArray[np.uint32]
    beginning: str
    is_tokenized: bool

    @property
    def documents(self) -> int:
        """The number of documents D."""
        return len(self.lengths)


@dataclass(frozen=True)
class EncodedBlock:
    """A piece of the encoded text.

    Attributes:
        ids: the ids (N,), of the smallest type that holds them.
        ends: how many symbols of `ids` come before the end of each segment (S,), ascending; a segment is
            what of one document is in this block.
        document: the number of the document that the first segment belongs to; the others follow.
        continues: whether a part of the first segment's document came before.
        sizes: of words, the characters of each with the white space before it (N,); None where each symbol but the
            ends of documents is one character.
    """

    ids: NDArray[np.unsignedinteger]
    ends: NDArray[np.int64]
    document: int
    continues: bool
    sizes: NDArray[np.int64] | None = None


def count_corpus(sources: Sources, config: CorpusConfig, advance: Advance) -> Counts:
    """Read all text once and count.

    Where no document of a corpus is parted from the next by two blank lines, "blank-lines" means one.

    Args:
        sources: what to read.
        config: how text becomes a dataset.
        advance: is told how many more bytes were read.

    Raises:
        DataError: text that cannot be read, or none at all.
    """
    boundary = _boundary(config)
    counts = _count(sources, config, boundary, advance)
    if boundary is BLANK_LINES and counts.documents <= len(sources.sources):
        singly = _count(sources, config, SINGLE_BLANK_LINE, advance)
        counts = singly if singly.documents > counts.documents else counts
    if counts.documents == 0:
        names = ", ".join(source.name for source in sources.sources[:3])
        hint = "; no row matches --where" if config.where else ""
        raise DataError(f"there is no text in {names}: nothing but white space{hint}")
    return counts


def build_vocabulary(counts: Counts, config: CorpusConfig) -> Vocabulary:
    """Return the vocabulary: the special symbols first, then the others by code point.

    Args:
        counts: the result of `count_corpus`.
        config: which symbols are kept, and whether there is an unknown symbol.

    Raises:
        DataError: no symbol is left, or there are too many.
    """
    occurrences = counts.occurrences
    kept = [symbol for symbol, count in occurrences.items() if count >= config.min_count and symbol != UNKNOWN]
    if config.normalize == "ascii":
        kept = [symbol for symbol in kept if symbol.isascii()]
    if config.keep is not None:
        wanted = set(normalize_text(config.keep, config.normalize, lowercase=config.lowercase))
        kept = [character for character in kept if character in wanted]
    special = [END_OF_DOCUMENT, UNKNOWN] if _has_unknown(counts, config, len(kept)) else [END_OF_DOCUMENT]
    if config.max_vocabulary is not None:
        # Of equally frequent ones the first in order; the end of a document comes on top.
        most = config.max_vocabulary - len(special) + 1
        kept = sorted(kept, key=lambda symbol: (-occurrences[symbol], symbol))[:most]
    if not kept:
        raise DataError("no symbol of the text is left: let --keep or --min-count keep more of them")
    if len(special) + len(kept) > MAX_SYMBOLS:
        raise DataError(f"the text has {len(kept):,} different symbols: give --max-vocabulary, {MAX_SYMBOLS:,} at most")
    return Vocabulary((*special, *sorted(kept)), config.level)


def _has_unknown(counts: Counts, config: CorpusConfig, kept: int) -> bool:
    """Tell whether some of the text becomes the unknown symbol, where so many symbols may be kept."""
    most = kept if config.max_vocabulary is None else config.max_vocabulary
    return config.unknown == "symbol" and (min(kept, most) < len(counts.occurrences))


def symbol_counts(counts: Counts, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], int]:
    """Return how often each id occurs (V,), and how many characters or words have no id of their own."""
    by_id = np.zeros(len(vocabulary), np.int64)
    missing = 0
    for symbol, count in counts.occurrences.items():
        if (number := vocabulary.word_ids.get(symbol)) is None:
            missing += count
        else:
            by_id[number] = count
    by_id[vocabulary.ids[END_OF_DOCUMENT]] = counts.documents
    if vocabulary.unknown is not None:
        by_id[vocabulary.unknown] = missing
    return by_id, missing


def encode_corpus(
    sources: Sources, config: CorpusConfig, counts: Counts, vocabulary: Vocabulary, advance: Advance
) -> Iterator[EncodedBlock]:
    """Read all text again and yield its ids, in order; a document of which nothing is kept has none.

    Args:
        sources: what to read.
        config: how text becomes a dataset.
        counts: the result of `count_corpus`.
        vocabulary: the result of `build_vocabulary`.
        advance: is told how many more bytes were read.

    Raises:
        DataError: the text is not the one that was counted.
    """
    texts = _texts(sources, config, counts.boundary, advance)
    if config.level == "word":
        pattern = word_pattern(tokenized=counts.is_tokenized)
        encode, texts = word_encoder(vocabulary, pattern), whole_word_blocks(texts, pattern)
    else:
        encode = _character_encoder(vocabulary)
    document, open_length, characters = 0, 0, 0
    for text in texts:
        characters += len(text)
        ids, sizes = encode(text)
        at_end = np.flatnonzero(ids == vocabulary.end_of_document) if END_MARK in text else np.empty(0, np.int64)
        ends = np.append(at_end + 1, len(ids))
        lengths = np.diff(ends, prepend=0)
        lengths[0] += open_length
        empty = lengths[:-1] == 1  # nothing but the end of a document
        open_length_after = int(lengths[-1])
        if empty.any():
            ids = np.delete(ids, at_end[empty])
            sizes = None if sizes is None else np.delete(sizes, at_end[empty])
            ends -= np.append(np.cumsum(empty), empty.sum())
        yield EncodedBlock(ids, ends, document, open_length > 0, sizes)
        document += len(at_end)
        open_length = open_length_after
    if document != counts.documents or characters != counts.characters + counts.documents:
        raise DataError("the text was changed while it was read: start again when nothing writes to it")


def unigram_bits_per_char(by_id: NDArray[np.int64]) -> float:
    """Return the entropy of the symbols' frequencies (V,), in bits: what a guess without context costs."""
    shares = by_id[by_id > 0] / by_id.sum()
    return max(0.0, float(-(shares * np.log2(shares)).sum()))


def xz_bits_per_char(text: str) -> float:
    """Return the size of a text under xz, in bits per character."""
    content = text.encode("utf-8")
    # The dictionary need not be larger than the text; xz takes twelve times its size as memory.
    size = max(1 << 16, min(len(content), 1 << 23))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": size}]
    return 8 * len(lzma.compress(content, lzma.FORMAT_XZ, filters=filters)) / len(text)


class _Counter(Protocol):
    """What adds up the symbols of a text, block by block, and the symbols of each of its documents."""

    lengths: array[int]

    def add(self, text: str) -> None: ...

    def occurrences(self) -> Mapping[str, int]: ...


class _CharacterCounter:
    def __init__(self) -> None:
        self.lengths: array[int] = array("I")
        self._code_points = np.zeros(_CODE_POINTS, np.int64)
        self._open_length = 0

    def add(self, text: str) -> None:
        codes = np.frombuffer(text.encode("ascii"), np.uint8) if text.isascii() else code_points(text)
        counted = np.bincount(codes)
        self._code_points[: len(counted)] += counted
        at_end = np.flatnonzero(codes == ord(END_MARK)) if counted[0] else np.empty(0, np.int64)
        self._open_length = add_lengths(self.lengths, at_end, len(codes), self._open_length)

    def occurrences(self) -> Mapping[str, int]:
        self._code_points[ord(END_MARK)] = 0
        return {chr(code): int(self._code_points[code]) for code in np.flatnonzero(self._code_points).tolist()}


def _count(sources: Sources, config: CorpusConfig, boundary: Boundary, advance: Advance) -> Counts:
    texts = _texts(sources, config, boundary, advance)
    counter: _Counter = _CharacterCounter()
    tokenized = False
    if config.level == "word":
        tokenized, texts = words_begin(texts)
        tokenized = tokenized if config.tokenized is None else config.tokenized
        pattern = word_pattern(tokenized=tokenized)
        counter, texts = WordCounter(pattern), whole_word_blocks(texts, pattern)
    beginning: list[str] = []
    characters = 0
    for text in texts:
        counter.add(text)
        if characters < XZ_CHARACTERS:
            beginning.append(text[: XZ_CHARACTERS - characters].replace(END_MARK, "\n"))
        characters += len(text)
    occurrences = counter.occurrences()
    lengths = np.frombuffer(counter.lengths, np.uint32)
    found = characters - len(lengths)
    return Counts(boundary, occurrences, found, lengths, "".join(beginning), tokenized)


def _texts(sources: Sources, config: CorpusConfig, boundary: Boundary, advance: Advance) -> Iterator[str]:
    """Yield the text as it is to be encoded, in blocks, END_MARK after each document."""
    for source in sources.sources:
        blocks = mark_documents(read_blocks(source, config, advance), boundary)
        yield from normalize_blocks(blocks, config.normalize, lowercase=config.lowercase)


def _boundary(config: CorpusConfig) -> Boundary:
    if config.document_delimiter is not None:
        return delimiter(config.document_delimiter)
    return {"file": WHOLE, "row": WHOLE, "line": LINE, "blank-lines": BLANK_LINES}[config.documents]


def _id_table(vocabulary: Vocabulary) -> NDArray[np.int32]:
    """Return the id of every code point (0x110000,): END_MARK ends a document; -1 is left out."""
    known = vocabulary.code_point_ids[:_CODE_POINTS]  # with the last character of all, it is longer by one
    table = np.full(_CODE_POINTS, -1 if vocabulary.unknown is None else vocabulary.unknown, np.int32)
    table[: len(known)][known >= 0] = known[known >= 0]
    assert vocabulary.end_of_document is not None
    table[ord(END_MARK)] = vocabulary.end_of_document
    return table


def _character_encoder(vocabulary: Vocabulary) -> Encoder:
    """Return what turns a block of text into ids."""
    table = _id_table(vocabulary)
    ascii_table, ascii_dropped = _ascii_tables(table, vocabulary)

    def encode(text: str) -> tuple[NDArray[np.unsignedinteger], None]:
        if ascii_table is not None and text.isascii():
            return np.frombuffer(text.encode("ascii").translate(ascii_table, ascii_dropped), np.uint8), None
        wide = table[code_points(text)]
        return (wide[wide >= 0] if vocabulary.unknown is None else wide).astype(vocabulary.dtype), None

    return encode


def _ascii_tables(table: NDArray[np.int32], vocabulary: Vocabulary) -> tuple[bytes | None, bytes]:
    """Return what bytes.translate needs for ASCII text: the id of each byte, and the bytes to leave out."""
    if vocabulary.dtype != np.uint8:
        return None, b""
    first = table[:256]
    return np.maximum(first, 0).astype(np.uint8).tobytes(), np.flatnonzero(first < 0).astype(np.uint8).tobytes()
