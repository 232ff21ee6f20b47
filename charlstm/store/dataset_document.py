"""What dataset.json must hold, key by key."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, get_args

from charlstm.config import CorpusConfig, Split
from charlstm.config_json import check_version
from charlstm.errors import DataError, OptionError

FORMAT_VERSION = 1
SPLITS: tuple[Split, ...] = get_args(Split)
VOCABULARY_FILE = "vocabulary.json"

# No array is longer than this: 64 TB of ids.
_MAX_LENGTH = 1 << 46


def check_document(document: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the summary, and the SHA-256 of each file, of a dataset.json that a stranger may have written.

    Args:
        document: the parsed JSON.
        path: where it stands, for errors.

    Raises:
        DataError: another version, an unknown or missing key, or an unusable value.
    """
    check_version(document, FORMAT_VERSION, str(path), DataError)
    summary = document.get("summary")
    is_of_words = isinstance(summary, dict) and "words" in summary
    if (misfit := _misfit(document, _WORD_DOCUMENT if is_of_words else _DOCUMENT)) is not None:
        raise DataError(f"{path}: {misfit}")
    return document["summary"], {name: entry["sha256"] for name, entry in document["files"].items()}


def ids_name(split: str) -> str:
    """Return the name of the file that holds the ids of a split."""
    return f"{split}.npy"


def documents_name(split: str) -> str:
    """Return the name of the file that holds the document offsets of a split."""
    return f"{split}_documents.npy"


def file_names() -> list[str]:
    """Return the names of all files beside dataset.json, in the order in which they are hashed."""
    return [VOCABULARY_FILE, *(ids_name(split) for split in SPLITS), *(documents_name(split) for split in SPLITS)]


def fingerprint(hashes: dict[str, str]) -> str:
    """Return the hash of the hashes of all files beside dataset.json."""
    return hashlib.sha256("\n".join(hashes[name] for name in file_names()).encode("ascii")).hexdigest()


def _misfit(value: Any, shape: Any, name: str = "the document") -> str | None:
    """Return what about a JSON value is not as `shape` says, None where all is."""
    if callable(shape):
        return None if shape(value) else f"{name} has the unusable value {repr(value)[:60]}"
    if not isinstance(value, dict):
        return f"{name} must be an object, not {type(value).__name__}"
    if unknown := sorted(set(value) - set(shape)):
        return f"{name} has the unknown key {unknown[0][:60]!r}"
    for key, part in shape.items():
        if key not in value:
            return f"{name} lacks the key {key!r}"
        if (misfit := _misfit(value[key], part, repr(key))) is not None:
            return misfit
    return None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MAX_LENGTH


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e300


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_source_list(value: Any) -> bool:
    return isinstance(value, list) and all(_misfit(item, _SOURCE) is None for item in value)


def _is_options(value: Any) -> bool:
    try:
        CorpusConfig.from_json(value)
    except OptionError:
        return False
    return True


# A dict of keys, or a function that judges the value.
_SOURCE = {"name": _is_text, "sha256": _is_sha256, "bytes": _is_count}
_SPLIT = {"ids": _is_count, "documents": _is_count, "characters": _is_count}
_SUMMARY: dict[str, Any] = {
    "documents": _is_count,
    "characters": _is_count,
    "symbols": _is_count,
    "splits": dict.fromkeys(SPLITS, _SPLIT),
    "split_by": _is_text,
    "document_boundary": _is_text,
    "dropped_characters": _is_count,
    "unknown_characters": _is_count,
    "unigram_bits_per_char": _is_number,
    "xz_bits_per_char": _is_number,
    "xz_characters": _is_count,
    "skipped_files": _is_count,
    "sources": _is_source_list,
    "options": _is_options,
}
# What is said of words besides.
_WORDS = {"words": _is_count, "unknown_words": _is_count, "is_tokenized": _is_truth}
_FILE = {"sha256": _is_sha256}
_DOCUMENT: dict[str, Any] = {
    "format_version": _is_count,
    "summary": _SUMMARY,
    "files": dict.fromkeys(file_names(), _FILE),
}
_WORD_DOCUMENT: dict[str, Any] = {**_DOCUMENT, "summary": {**_SUMMARY, **_WORDS}}
