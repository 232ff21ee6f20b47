from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from charlstm.config import CorpusConfig
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN
from charlstm.errors import CharlstmError, DataError
from charlstm.store.dataset_directory import Dataset, load_dataset, write_dataset
from charlstm.store.json_file import sha256

POEMS = [f"Poem {number}\n\n  héllo wörld {'la ' * (number % 7)}!" for number in range(40)]


def write(tmp_path: Path, text: str | bytes, **options: Any) -> Dataset:
    source = tmp_path / "source.txt"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    return write_dataset([str(source)], CorpusConfig(**options), tmp_path / "set", overwrite=True)


def texts(dataset: Dataset, split: str) -> list[str]:
    ids, starts = dataset.splits[split], dataset.documents[split]
    parts = np.split(ids, starts[1:]) if len(starts) else []
    return [dataset.vocabulary.decode(part[part != dataset.vocabulary.end_of_document]) for part in parts]


def test_documents_are_shuffled_between_splits_and_kept_in_order(tmp_path: Path) -> None:
    dataset = write(tmp_path, "\n\n\n".join(POEMS), documents="blank-lines", split=(0.5, 0.25, 0.25))
    assert sorted(text for split in dataset.splits for text in texts(dataset, split)) == sorted(POEMS)
    for split, ids in dataset.splits.items():
        found = texts(dataset, split)
        assert found == sorted(found, key=POEMS.index)
        assert ids[-1] == dataset.vocabulary.end_of_document
        assert (ids == dataset.vocabulary.end_of_document).sum() == len(found)
        assert not ids.flags.writeable
    assert texts(dataset, "train") != POEMS[: len(texts(dataset, "train"))]
    other = write(tmp_path, "\n\n\n".join(POEMS), documents="blank-lines", split=(0.5, 0.25, 0.25), random_seed=2)
    assert texts(other, "train") != texts(dataset, "train")
    assert other.fingerprint != dataset.fingerprint


def test_positions_follow_the_text(tmp_path: Path) -> None:
    dataset = write(tmp_path, "\n".join(POEMS), documents="line", split_by="position", split=(0.34, 0.33, 0.33))
    ids = np.concatenate(list(dataset.splits.values()))
    lines = [line for poem in POEMS for line in poem.split("\n") if line]
    text = "".join(dataset.vocabulary.symbols[number].replace(END_OF_DOCUMENT, "\0") for number in ids)
    assert text == "".join(line.rstrip() + "\0" for line in lines)
    for split, part in dataset.splits.items():
        starts = dataset.documents[split]
        assert starts[0] == 0
        assert all(part[start - 1] == dataset.vocabulary.end_of_document for start in starts[1:])
        assert abs(len(part) / len(ids) - dataset.summary["options"]["split"][list(dataset.splits).index(split)]) < 0.01


@pytest.mark.parametrize("split", [(0.8, 0.1, 0.1), (0.9, 0.1, 0.0), (1.0, 0.0, 0.0)])
@pytest.mark.parametrize("documents", ["file", "blank-lines"])
def test_summary_counts_what_is_there(tmp_path: Path, split: tuple[float, ...], documents: Any) -> None:
    text = "\n\n\n".join(POEMS)
    dataset = write(tmp_path, text, documents=documents, split=split)
    summary = dataset.summary
    for name, share in zip(dataset.splits, split, strict=True):
        assert summary["splits"][name]["ids"] == len(dataset.splits[name])
        assert (len(dataset.splits[name]) > 0) == (share > 0)
    expected = "".join(POEMS) if documents == "blank-lines" else text
    assert summary["documents"] == (40 if documents == "blank-lines" else 1)
    assert summary["characters"] == len(expected) == sum(size["characters"] for size in summary["splits"].values())
    assert summary["symbols"] == len(dataset.vocabulary) == len(set(expected)) + 1
    counts = Counter(np.concatenate(list(dataset.splits.values())).tolist()).values()
    entropy = -sum(count / sum(counts) * math.log2(count / sum(counts)) for count in counts)
    assert summary["unigram_bits_per_char"] == pytest.approx(entropy)
    assert 0 < summary["xz_bits_per_char"] < entropy
    assert summary["sources"][0]["sha256"] == sha256(tmp_path / "source.txt")


def test_single_blank_lines_part_documents_where_there_are_no_others(tmp_path: Path) -> None:
    dataset = write(tmp_path, "\n\n".join("abcdefghijklm"), documents="blank-lines")
    assert dataset.summary["documents"] == 13
    assert dataset.summary["document_boundary"] == "blank line"


def test_left_out_symbols_are_dropped_or_unknown_and_counted(tmp_path: Path) -> None:
    text = "aaaa bbbb\nccé\n" * 3 + "ß"
    dropped = write(tmp_path, text, min_count=4, split=(1.0, 0.0, 0.0))
    assert dropped.vocabulary.symbols == (END_OF_DOCUMENT, "\n", "a", "b", "c")
    assert dropped.summary["dropped_characters"] == 3 + 3 + 1
    assert dropped.vocabulary.decode(dropped.splits["train"]).startswith("aaaabbbb\ncc\n")
    unknown = write(tmp_path, text, keep="ab", unknown="symbol", split=(1.0, 0.0, 0.0))
    assert unknown.vocabulary.symbols == (END_OF_DOCUMENT, UNKNOWN, "a", "b")
    assert unknown.summary["unknown_characters"] == len(text) - 24
    assert unknown.vocabulary.decode(unknown.splits["train"][:10]) == "aaaa\ufffdbbbb\ufffd"
    folded = write(tmp_path, "é字" * 5, normalize="ascii", split=(1.0, 0.0, 0.0))
    assert folded.vocabulary.symbols == (END_OF_DOCUMENT, "e")
    assert folded.summary["dropped_characters"] == 5


def test_documents_of_which_nothing_is_kept_vanish(tmp_path: Path) -> None:
    dataset = write(tmp_path, "a\nx\nxx\naa\nx\n" * 10, documents="line", keep="a", split=(1.0, 0.0, 0.0))
    assert texts(dataset, "train") == ["a", "aa"] * 10
    assert dataset.summary["documents"] == 20


def test_documents_that_vanish_take_no_place_in_a_split_by_position(tmp_path: Path) -> None:
    dataset = write(tmp_path, "1\n" * 50 + "abc\n" * 50, documents="line", keep="1", split_by="position")
    assert {name: len(ids) for name, ids in dataset.splits.items()} == {"train": 80, "valid": 10, "test": 10}
    assert dataset.summary["unigram_bits_per_char"] == pytest.approx(1)


def test_more_than_256_symbols(tmp_path: Path) -> None:
    text = "".join(chr(0x4E00 + number) for number in range(400)) + "\U0001f600"
    dataset = write(tmp_path, text, split=(1.0, 0.0, 0.0))
    assert dataset.splits["train"].dtype == np.uint16
    assert texts(dataset, "train") == [text]


@pytest.mark.parametrize("block_bytes", [7, 64, 1000])
@pytest.mark.parametrize("options", [{}, {"documents": "blank-lines"}, {"documents": "line", "keep": "la \n"}])
def test_blocks_of_any_size_give_the_same_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_bytes: int, options: dict[str, Any]
) -> None:
    text = "\r\n\r\n\r\n".join(POEMS).replace("é", "e\u0301") + "\n\nl'Étoile\n"
    whole = write(tmp_path, text, **options)
    monkeypatch.setattr("charlstm.data.decoding.BLOCK_BYTES", block_bytes)
    assert write(tmp_path, text, **options).fingerprint == whole.fingerprint


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "there is no text in"),
        (" \n\n\t\n", {}, "there is no text in"),
        ("x", {}, "a text of 2 symbols .* cannot be split 0.8,0.1,0.1: that needs at least 3"),
        ("one\ntwo", {"documents": "line", "split_by": "document"}, "2 documents cannot be split"),
        ("abc", {"keep": "xyz"}, "no symbol of the text is left"),
        ("abc", {"min_count": 2}, "no symbol of the text is left"),
        (b"PNG\0\1\2", {}, "NUL"),
    ],
)
def test_unusable_text_leaves_nothing_behind(
    tmp_path: Path, text: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        write(tmp_path, text, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["source.txt"]


def test_one_repeated_symbol_is_a_dataset(tmp_path: Path) -> None:
    dataset = write(tmp_path, "a" * 100)
    assert dataset.vocabulary.symbols == (END_OF_DOCUMENT, "a")


def test_an_existing_directory_is_kept(tmp_path: Path) -> None:
    dataset = write(tmp_path, "first text")
    with pytest.raises(CharlstmError, match="exists already"):
        write_dataset([str(tmp_path / "source.txt")], CorpusConfig(lowercase=True), dataset.path)
    assert load_dataset(dataset.path).fingerprint == dataset.fingerprint


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("some text " * 200_000)
    seen: list[tuple[int, int | None]] = []
    write_dataset([str(tmp_path / "x.txt")], CorpusConfig(), tmp_path / "set", progress=lambda *at: seen.append(at))
    assert seen[-1] == (4_000_000, 4_000_000)
    assert seen == sorted(seen)


def test_numpy_reads_the_files_too(tmp_path: Path) -> None:
    dataset = write(tmp_path, "some text")
    loaded = np.load(dataset.path / "train.npy", allow_pickle=False)
    np.testing.assert_array_equal(loaded, dataset.splits["train"])


def change_json(name: str, change: Callable[[Any], Any]) -> Callable[[Path], object]:
    def spoil(path: Path) -> None:
        document = json.loads((path / name).read_text())
        (path / name).write_text(json.dumps(change(document) or document))

    return spoil


def rehash(path: Path, name: str, content: bytes) -> None:
    """Replace a file and the hash that is recorded for it, as a stranger could."""
    (path / name).write_bytes(content)
    document = json.loads((path / "dataset.json").read_text())
    document["files"][name]["sha256"] = sha256(path / name)
    (path / "dataset.json").write_text(json.dumps(document))


def set_in(*keys: str, value: Any) -> Callable[[Path], object]:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change_json("dataset.json", change)


def object_array() -> bytes:
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (99,), }".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00\x76\x00" + header.encode()


SPOILERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing file": (lambda path: (path / "valid.npy").unlink(), "valid.npy is missing"),
    "missing vocabulary": (lambda path: (path / "vocabulary.json").unlink(), "vocabulary.json is missing"),
    "truncated": (lambda path: os.truncate(path / "train.npy", 200), "has 200 bytes instead of"),
    "longer": (lambda path: os.truncate(path / "train.npy", 9_999_999), "bytes instead of"),
    "changed": (lambda path: flip(path / "train.npy", -1), "was changed after it was written"),
    "changed header": (lambda path: flip(path / "train.npy", 20), "does not start as an array"),
    "changed offsets": (lambda path: flip(path / "train_documents.npy", -1), "train_documents.npy"),
    "pickle": (lambda path: (path / "train.npy").write_bytes(object_array()), "bytes instead of"),
    "id too large": (lambda path: poison(path, "train.npy", 250), "holds the value 250"),
    "offset too large": (lambda path: poison(path, "valid_documents.npy", 3), "holds the value"),
    "vocabulary": (lambda path: rehash(path, "vocabulary.json", b'{"format_version": 1}'), "exactly the keys"),
    "link": (lambda path: link(path, "train.npy"), "train.npy is a link"),
    "linked json": (lambda path: link(path, "dataset.json"), "dataset.json is a link"),
    "pipe": (lambda path: ((path / "test.npy").unlink(), os.mkfifo(path / "test.npy")), "test.npy is not a file"),
    "no json": (lambda path: (path / "dataset.json").write_bytes(b"\xff{"), "not valid JSON"),
    "a list": (lambda path: (path / "dataset.json").write_text("[]"), "must hold a JSON object"),
    "version": (set_in("format_version", value=2), "format version 2; this charlstm reads 1"),
    "version true": (set_in("format_version", value=True), "format version True"),
    "unknown key": (set_in("more", value=1), "unknown key 'more'"),
    "missing key": (change_json("dataset.json", lambda d: d["summary"].pop("documents") and None), "lacks the key"),
    "negative": (set_in("summary", "splits", "train", "ids", value=-1), "unusable value -1"),
    "huge": (set_in("summary", "splits", "train", "ids", value=2**45), "bytes instead of"),
    "beyond": (set_in("summary", "splits", "train", "ids", value=2**200), "unusable value"),
    "fraction": (set_in("summary", "splits", "train", "ids", value=1.5), "unusable value 1.5"),
    "outside": (change_json("dataset.json", lambda d: d["files"].update({"../x": d["files"]["test.npy"]})), "unknown"),
    "hash": (set_in("files", "train.npy", "sha256", value="../../etc/passwd"), "unusable value"),
    "options": (set_in("summary", "options", "normalize", value="other"), "'options' has the unusable value"),
    "sources": (set_in("summary", "sources", value=[1]), "'sources' has the unusable value"),
    "infinite": (set_in("summary", "unigram_bits_per_char", value=float("inf")), "Infinity"),
}


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


def poison(path: Path, name: str, value: int) -> None:
    content = bytearray((path / name).read_bytes())
    content[-1] = value
    rehash(path, name, bytes(content))


def link(path: Path, name: str) -> None:
    (path / name).rename(path.parent / "elsewhere")
    (path / name).symlink_to(path.parent / "elsewhere")


@pytest.mark.parametrize("case", SPOILERS)
def test_a_directory_from_a_stranger_is_checked(tmp_path: Path, case: str) -> None:
    path = write(tmp_path, "\n\n\n".join(POEMS), documents="blank-lines").path
    spoil, message = SPOILERS[case]
    spoil(path)
    with pytest.raises(DataError, match=message):
        load_dataset(path)


def test_what_is_no_dataset_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no dataset at"):
        load_dataset(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is a file, not a dataset directory"):
        load_dataset(tmp_path / "file")
    with pytest.raises(DataError, match=r"it has no dataset\.json"):
        load_dataset(tmp_path)
    (tmp_path / "model.safetensors").write_text("x")
    with pytest.raises(DataError, match="is a model directory"):
        load_dataset(tmp_path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell the memory of a process")
@pytest.mark.parametrize("content", ["many lines\n" * 9_000_000, "é" + "x" * 100_000_000], ids=["lines", "one line"])
def test_memory_does_not_grow_with_the_text(tmp_path: Path, content: str) -> None:
    (tmp_path / "big.txt").write_text(content)
    code = (
        "import sys, pathlib; from charlstm.config import CorpusConfig;"
        "from charlstm.store.dataset_directory import write_dataset;"
        "write_dataset([sys.argv[1]], CorpusConfig(), pathlib.Path(sys.argv[2]));"
        "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    arguments = [sys.executable, "-c", code, str(tmp_path / "big.txt"), str(tmp_path / "set")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    # Not ru_maxrss: a child process inherits that from its parent.
    assert int(done.stdout) < 220_000
