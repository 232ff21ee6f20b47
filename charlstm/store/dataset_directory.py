"""The dataset directory: ids per split, the vocabulary, and where all of it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import CorpusConfig
from charlstm.data.corpus import (
    Counts,
    build_vocabulary,
    count_corpus,
    encode_corpus,
    symbol_counts,
    unigram_bits_per_char,
    xz_bits_per_char,
)
from charlstm.data.sources import Sources, open_sources
from charlstm.data.splits import choose_split_by, split_documents, split_positions
from charlstm.data.vocabulary import END_OF_DOCUMENT, Vocabulary
from charlstm.errors import DataError, reading
from charlstm.store import atomic
from charlstm.store.array_file import ArrayWriter, open_array
from charlstm.store.dataset_document import (
    FORMAT_VERSION,
    SPLITS,
    VOCABULARY_FILE,
    check_document,
    documents_name,
    file_names,
    fingerprint,
    ids_name,
)
from charlstm.store.json_file import read_json, sha256, write_json
from charlstm.store.split_writer import SplitWriter

DATASET_FILE = "dataset.json"

Progress = Callable[[int, int | None], None]

_BLOCK = 1 << 22
_OFFSET = np.dtype(np.int64)


@dataclass(frozen=True)
class Dataset:
    """Encoded text, ready to train on.

    Attributes:
        path: the dataset directory.
        vocabulary: the symbols that the ids stand for.
        splits: the ids (N,) of "train", "valid" and "test", memory-mapped, read-only, possibly empty.
        documents: for each split, where its documents start (D,), ascending.  Where the text was split by
            position, the first document of a split may be the rest of one that was cut.
        summary: what the text held: counts, yardsticks, sources and options, as plain JSON.
        fingerprint: a SHA-256 that names exactly this vocabulary and these ids.
    """

    path: Path
    vocabulary: Vocabulary
    splits: dict[str, NDArray[Any]]
    documents: dict[str, NDArray[np.int64]]
    summary: dict[str, Any]
    fingerprint: str


def load_dataset(path: Path) -> Dataset:
    """Open a dataset directory; nothing in it is trusted before it is checked.

    Args:
        path: a directory that `write_dataset` wrote.

    Raises:
        DataError: there is none, it is of another kind or version, or one of its files is not as recorded.
    """
    with reading(path, DataError):
        _check_directory(path)
    document = read_json(path / DATASET_FILE, DataError)
    summary, hashes = check_document(document, path / DATASET_FILE)
    vocabulary = _load_vocabulary(path / VOCABULARY_FILE, hashes[VOCABULARY_FILE])
    splits: dict[str, NDArray[Any]] = {}
    documents: dict[str, NDArray[np.int64]] = {}
    for split in SPLITS:
        ids_file, offsets_file = ids_name(split), documents_name(split)
        length, count = summary["splits"][split]["ids"], summary["splits"][split]["documents"]
        ids = open_array(path / ids_file, vocabulary.dtype, length, len(vocabulary), hashes[ids_file], DataError)
        offsets = open_array(path / offsets_file, _OFFSET, count, length, hashes[offsets_file], DataError)
        _check_offsets(offsets, length, path / offsets_file)
        splits[split], documents[split] = ids, offsets
    return Dataset(path, vocabulary, splits, documents, summary, fingerprint(hashes))


def write_dataset(
    sources: Sequence[str],
    config: CorpusConfig,
    out: Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Encode text into a new dataset directory and open it.

    The text is read twice, in blocks: memory does not grow with it, but for four bytes a document.  It is read a third
    time where it is split by position and symbols of several documents are left out.

    Args:
        sources: files, folders, "-" for standard input, or names of built-in corpora.
        config: how text becomes a dataset.
        out: the directory to make; it appears only when all of it is written.
        overwrite: whether a directory at `out` is replaced.
        progress: is told the bytes that were read, and how many there are to read in both passes together.

    Raises:
        DataError: text that cannot be read, or too little of it.
        OptionError: an unknown encoding.
        CharlstmError: `out` exists and `overwrite` is false.
    """
    atomic.refuse_existing(out, overwrite=overwrite)
    with open_sources(sources, config) as found:
        _write(found, config, out, overwrite=overwrite, progress=progress)
    return load_dataset(out)


def write_with_training_text(dataset: Dataset, ids: NDArray[Any], starts: NDArray[np.int64], out: Path) -> Dataset:
    """Write a dataset with another training text, the rest of it as it is, and open it.

    Args:
        dataset: whose vocabulary, validation text and test text are taken, and whose summary, but for the sizes.
        ids: the training text, (N,).
        starts: where its documents start, (D,).
        out: the directory to make.

    Raises:
        CharlstmError: `out` exists.
    """
    vocabulary = dataset.vocabulary
    splits = {**dataset.splits, "train": ids}
    documents = {**dataset.documents, "train": starts}
    sizes = {}
    with atomic.new_directory(out) as directory:
        for split in SPLITS:
            with ArrayWriter(directory / ids_name(split), vocabulary.dtype) as writer:
                writer.append(splits[split])
            with ArrayWriter(directory / documents_name(split), _OFFSET) as writer:
                writer.append(documents[split])
            ends = int(np.count_nonzero(splits[split] == vocabulary.end_of_document))
            counts = {"ids": len(splits[split]), "documents": len(documents[split])}
            sizes[split] = {**counts, "characters": counts["ids"] - ends}
        summary = {
            **dataset.summary,
            "documents": sum(size["documents"] for size in sizes.values()),
            "characters": sum(size["characters"] for size in sizes.values()),
            "splits": sizes,
        }
        _write_document(directory, vocabulary, summary)
    return load_dataset(out)


class _Meter:
    """Adds up the bytes that were read and passes them on."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done = 0
        self.total = total
        self._progress = progress

    def advance(self, size: int) -> None:
        self.done += size
        if self._progress is not None:
            self._progress(self.done, self.total)


def _write(sources: Sources, config: CorpusConfig, out: Path, *, overwrite: bool, progress: Progress | None) -> None:
    """Count and encode; what was counted is forgotten before the result is opened and checked."""
    meter = _Meter(2 * sum(source.bytes for source in sources.sources), progress)
    counts = count_corpus(sources, config, meter.advance)
    meter.total = meter.done + sum(source.bytes for source in sources.sources)
    vocabulary = build_vocabulary(counts, config)
    # xz and hashing work beside the second pass: they leave Python's lock alone.
    with atomic.new_directory(out, overwrite=overwrite) as directory, ThreadPoolExecutor(1) as beside:
        xz = beside.submit(xz_bits_per_char, counts.beginning)
        source_hashes = beside.submit(lambda: [source.sha256() for source in sources.sources])
        summary = _encode(sources, config, counts, vocabulary, directory, meter)
        summary["xz_bits_per_char"] = xz.result()
        summary["sources"] = [
            {"name": source.name, "sha256": sha, "bytes": source.bytes}
            for source, sha in zip(sources.sources, source_hashes.result(), strict=True)
        ]
        _write_document(directory, vocabulary, summary)


def _encode(
    sources: Sources, config: CorpusConfig, counts: Counts, vocabulary: Vocabulary, directory: Path, meter: _Meter
) -> dict[str, Any]:
    """Write the ids of all splits into `directory`; return the summary, but for xz and the sources."""
    by_id, left_out = symbol_counts(counts, vocabulary)
    split_by = choose_split_by(config.split_by, counts.documents)
    if split_by == "document":
        split_of, ends = split_documents(counts.lengths, config.split, config.random_seed), None
    else:
        length = int(by_id.sum())
        if left_out and vocabulary.unknown is None and counts.documents > 1:
            # A document of which nothing is kept vanishes with its end, which only encoding tells.
            blocks = encode_corpus(sources, config, counts, vocabulary, lambda _: None)
            length = sum(len(block.ids) for block in blocks)
        split_of, ends = None, split_positions(length, config.split)
    with SplitWriter(directory, vocabulary, split_of, ends) as writer:
        for block in encode_corpus(sources, config, counts, vocabulary, meter.advance):
            writer.add(block)
        sizes = writer.sizes()
    by_id[vocabulary.ids[END_OF_DOCUMENT]] = writer.documents
    for split, share in zip(SPLITS, config.split, strict=True):
        if share > 0 and sizes[split]["ids"] == 0:
            raise DataError(f"nothing is left for the {split} split once symbols are left out: keep more of them")
    characters = sum(size["characters"] for size in sizes.values())
    is_of_words = config.level == "word"
    summary = {
        "documents": int(writer.documents),
        "characters": characters,
        "symbols": len(vocabulary),
        "splits": sizes,
        "split_by": split_by,
        "document_boundary": counts.boundary.name,
        "dropped_characters": left_out if vocabulary.unknown is None else 0,
        "unknown_characters": 0 if vocabulary.unknown is None or is_of_words else left_out,
        "unigram_bits_per_char": unigram_bits_per_char(by_id) * (float(by_id.sum()) / characters if is_of_words else 1),
        "xz_bits_per_char": 0.0,
        "xz_characters": len(counts.beginning),
        "skipped_files": sources.skipped_files,
        "sources": [],
        "options": config.to_json(),
    }
    if not is_of_words:
        return summary
    words = int(by_id.sum()) - counts.documents
    return {**summary, "words": words, "unknown_words": left_out, "is_tokenized": counts.is_tokenized}


def _write_document(directory: Path, vocabulary: Vocabulary, summary: dict[str, Any]) -> None:
    """Write the vocabulary, and then dataset.json with the hashes of all that stands beside it."""
    write_json(directory / VOCABULARY_FILE, vocabulary.to_json())
    files = {name: {"sha256": sha256(directory / name)} for name in file_names()}
    write_json(directory / DATASET_FILE, {"format_version": FORMAT_VERSION, "summary": summary, "files": files})


def _check_directory(path: Path) -> None:
    if not path.exists():
        raise DataError(f"there is no dataset at {path}")
    if not path.is_dir():
        raise DataError(f"{path} is a file, not a dataset directory: charlstm preprocess makes one of it")
    if not (path / DATASET_FILE).exists():
        if (path / "config.json").exists() or (path / "model.safetensors").exists():
            raise DataError(f"{path} is a model directory; a dataset, as charlstm preprocess writes it, is wanted here")
        raise DataError(f"{path} is not a dataset directory: it has no {DATASET_FILE}")


def _load_vocabulary(path: Path, sha256: str) -> Vocabulary:
    document = read_json(path, DataError)
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise DataError(f"{path} was changed after it was written: its SHA-256 is not the recorded one")
    return Vocabulary.from_json(document, DataError)


def _check_offsets(offsets: NDArray[np.int64], length: int, path: Path) -> None:
    if (length > 0) != (len(offsets) > 0):
        raise DataError(f"{path} holds {len(offsets):,} document offsets for {length:,} ids")
    if length == 0:
        return
    ascending = all(
        bool((np.diff(offsets[start : start + _BLOCK + 1]) > 0).all()) for start in range(0, len(offsets), _BLOCK)
    )
    if not ascending or offsets[0] != 0:
        raise DataError(f"{path} holds document offsets that do not ascend from 0 to below {length:,}")
