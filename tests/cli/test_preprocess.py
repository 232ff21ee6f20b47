from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.store.dataset_directory import load_dataset

SONGS = "\n\n\n".join(f"Song {number}\n\nla la {number * 'la '}end" for number in range(1, 21))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs.txt").write_text(SONGS)
    return tmp_path


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["preprocess", *arguments], input=stdin)


def test_the_summary_has_all_its_lines() -> None:
    result = run("songs.txt", "-o", "set", "--documents", "blank-lines", "--keep", r"Songlaed \n")
    assert result.exit_code == 0
    for shown in (
        "documents",
        "20 (parted by: two or more blank lines)",
        "characters",
        "symbols",
        "dropped characters",
        "train",
        "valid",
        "test",
        "split by",
        "unigram entropy",
        "size under xz",
        "bits per character",
    ):
        assert shown in result.stdout
    assert load_dataset(Path("set")).summary["documents"] == 20


def test_json_is_the_whole_output() -> None:
    result = run("songs.txt", "-o", "set", "--split", "0.34,0.33,0.33", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    dataset = load_dataset(Path("set"))
    assert document["dataset"] == "set"
    assert document["fingerprint"] == dataset.fingerprint
    assert document["characters"] == len(SONGS)
    assert document["unigram_bits_per_char"] == dataset.summary["unigram_bits_per_char"]
    assert document["options"]["split"] == [0.34, 0.33, 0.33]


def test_without_out_results_go_to_runs() -> None:
    assert run("songs.txt").exit_code == run("ballads").exit_code == 0
    assert load_dataset(Path("runs/preprocess-1")).summary["characters"] == len(SONGS)
    assert load_dataset(Path("runs/preprocess-2")).summary["sources"][0]["name"] == "ballads"


def test_options_reach_the_dataset() -> None:
    Path("songs.csv").write_text('artist,words\nThe Beatles,"HEY"\nOther,"no"\nThe Beatles,"YEAH"\n')
    result = run("songs.csv", "-o", "set", "--column", "words", "--where", "artist=The Beatles", "--lowercase",
                 "--split", "1,0,0")  # fmt: skip
    assert result.exit_code == 0
    dataset = load_dataset(Path("set"))
    assert dataset.vocabulary.decode(dataset.splits["train"]) == "hey\n\nyeah\n\n"


def test_standard_input_and_delimiters() -> None:
    result = run("-", "-o", "set", "--document-delimiter", r"\n--\n", "--split", "1,0,0", stdin=b"one\n--\ntwo\n--\n")
    assert result.exit_code == 0
    dataset = load_dataset(Path("set"))
    assert dataset.vocabulary.decode(dataset.splits["train"]) == "one\n\ntwo\n\n"


def test_words_are_told_of_in_the_summary() -> None:
    Path("words.txt").write_text(" the <unk> king \n the king 's <unk> N \n" * 20)
    result = run("words.txt", "-o", "set", "--level", "word", "--max-vocabulary", "4")
    assert result.exit_code == 0, result.output
    assert "199 (parted at white space: <unk> stands in the text)" in " ".join(result.stdout.split())
    assert "unknown words 80 (40.20%)" in " ".join(result.stdout.split())
    document = json.loads(run("words.txt", "-o", "plain", "--level", "word", "--lowercase", "--json").stdout)
    assert (document["words"], document["unknown_words"], document["is_tokenized"]) == (199, 40, True)
    assert document["options"]["level"] == "word"
    assert load_dataset(Path("set")).vocabulary.symbols[2:] == ("\n", "king", "the")


@pytest.mark.parametrize(
    ("content", "arguments", "exit_code", "message"),
    [
        (b"text", ["--level", "word", "--keep", "abc"], 2, "--keep abc: is of characters"),
        (b"text", ["--level", "word", "--unknown", "drop"], 2, "what is left out becomes the unknown symbol"),
        (b"text", ["--level", "word", "--max-vocabulary", "2"], 2, "2 is not in the range"),
        (b"text", ["--keep", "te", "--max-vocabulary", "4"], 2, "give one of them"),
        (b"text\nword", ["--level", "syllable"], 2, "syllable"),
        (b"one", ["--level", "word"], 4, "needs at least 3"),
        (b"", [], 4, "there is no text in bad"),
        (b"\x89PNG\r\n\x1a\n\0", ["--encoding", "latin-1"], 4, "NUL character"),
        (b"fine\nb\xe4d\n", [], 4, "line 2, byte offset 6: the byte 0xe4"),
        (b"x", [], 4, "needs at least 3"),
        (b"text", ["--column", "words"], 4, "has no column"),
        (b"text", ["--where", "words=1"], 4, "has no columns"),
        (b"text", ["--documents", "row"], 4, "has no rows"),
        (b"text", ["--split", "0.5,0.1,0.1"], 2, "must add up to 1, not 0.7"),
        (b"text", ["--split", "0.5,0.5"], 2, "needs three shares"),
        (b"text", ["--split", "a"], 2, "not a list of numbers"),
        (b"text", ["--split", "nan,0,1"], 2, "--split"),
        (b"text", ["--keep", "ab", "--min-count", "3"], 2, "give one of them"),
        (b"text", ["--encoding", "nonsense"], 2, "--encoding nonsense"),
        (b"text", ["--normalize", "nfd"], 2, "nfd"),
        (b"text", ["missing.txt"], 4, "'missing.txt'"),
        (b"text", ["empty-folder"], 4, "holds no text"),
        (b"text", ["-o", "songs.txt"], 1, "songs.txt exists already"),
        (b"text", ["-o", "songs.txt", "--overwrite"], 1, "not a directory"),
        (b"text", ["-o", "empty-folder"], 1, "exists already"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    folder: Path, content: bytes, arguments: list[str], exit_code: int, message: str
) -> None:
    (folder / "empty-folder").mkdir()
    (folder / "bad").write_bytes(content)
    before = sorted(folder.rglob("*"))
    result = run("bad", *arguments)
    assert result.exit_code == exit_code
    assert message in result.stderr
    assert result.stderr.count("Error: ") == 1
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before


def test_no_sources_is_wrong_usage() -> None:
    assert run().exit_code == 2


def test_overwrite_replaces() -> None:
    assert run("songs.txt", "-o", "set").exit_code == 0
    assert run("ballads", "-o", "set").exit_code == 1
    assert run("ballads", "-o", "set", "--overwrite").exit_code == 0
    assert load_dataset(Path("set")).summary["sources"][0]["name"] == "ballads"
    assert sorted(path.name for path in Path().iterdir()) == ["set", "songs.txt"]
