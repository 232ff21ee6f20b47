"""Models of words from the command line: trained, scored, carried over, sampled, and what refuses them."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.data.vocabulary import UNKNOWN
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.dataset_directory import load_dataset
from charlstm.store.history import read_history
from charlstm.store.model_directory import load_model

BRIEF = ["--batch-size", "4", "--sequence-length", "10", "--precision", "float32"]
TINY = ["--layers", "1", "--units", "16", *BRIEF, "--dropout", "0", "--embedding", "8", "--learning-rate", "0.01"]
LISTED = ["the", "king", "rode", "over", "grey", "ford", "and", "sang", "of", "winter"]


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def report(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return document


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, words: str) -> Path:
    """A dataset and a model that all tests of this file share; each works on a copy."""
    directory = tmp_path_factory.mktemp("words")
    # Each line ends in a word of its own, of which the vocabulary keeps none.
    lines = [f"{line}, {chr(97 + number % 26)}{number} ." for number, line in enumerate(words.splitlines())]
    (directory / "book.txt").write_text("\n".join(lines))
    limit = ["--level", "word", "--max-vocabulary", "15"]
    run("preprocess", str(directory / "book.txt"), "-o", str(directory / "book"), *limit)
    result = run("pretrain", str(directory / "book"), "-o", str(directory / "base"), *TINY, "--epochs", "2", "--json")
    (directory / "report.json").write_text(result.stdout)
    (directory / "messages.txt").write_text(result.stderr)
    return directory


@pytest.fixture(autouse=True)
def _with_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained: Path) -> None:
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def nats_by_hand(model_path: str, dataset_path: str) -> float:
    """Return what a test text costs by word, read in one stream."""
    model, dataset = load_model(Path(model_path)), load_dataset(Path(dataset_path))
    ids = model.vocabulary.translate(dataset.splits["test"], dataset.vocabulary)[0]
    network = NumpyLSTM(model.config, model.weights)
    costs = []
    for before, after in itertools.pairwise(ids):
        logits = network.step([before])[0].astype(np.float64)
        costs.append(np.log(np.exp(logits).sum()) - logits[after])
    return float(np.mean(costs))


def test_the_perplexity_is_that_per_word() -> None:
    scored = report("evaluate", "-m", "base", "book")
    assert scored["nats_per_word"] == pytest.approx(nats_by_hand("base", "book"), rel=1e-3)
    assert scored["perplexity"] == pytest.approx(np.exp(scored["nats_per_word"]))
    dataset = load_dataset(Path("book"))
    assert scored["words"] == len(dataset.splits["test"]) - 1
    assert scored["chars"] == dataset.summary["splits"]["test"]["characters"]
    assert scored["nats_per_char"] * scored["chars"] == pytest.approx(scored["nats_per_word"] * scored["words"])
    assert scored["bits_per_char"] == pytest.approx(scored["nats_per_char"] / np.log(2))
    # A unigram of fifteen symbols, of which each has some five characters.
    assert 0.5 < scored["unigram_bits_per_char"] < 1.5
    shown = run("evaluate", "-m", "base", "book").stdout
    assert f"(perplexity {scored['perplexity']:.2f})" in shown
    assert "loss per word" in shown
    assert "words scored" in shown


def test_training_learns_and_reports_by_word_and_by_character() -> None:
    given, messages = json.loads(Path("report.json").read_text()), Path("messages.txt").read_text()
    scored = report("evaluate", "-m", "base", "book")
    words = len(load_dataset(Path("book")).splits["test"])
    assert given["test_nats_per_word"] == pytest.approx(scored["nats_per_word"], rel=1e-5)
    assert given["test_nats_per_char"] == pytest.approx(scored["nats_per_char"] * words / (words - 1), rel=1e-5)
    assert given["words_trained"] == given["steps"] * 40
    assert given["chars_trained"] > 3 * given["words_trained"]
    assert given["valid_nats_per_word"] == pytest.approx(read_history(Path("base/history.csv"))[-1].valid_nats_per_char)
    # Of every eleven symbols three are certain, one is unknown, and seven are one of ten.
    assert given["test_nats_per_word"] < 2.2
    assert "words, float32" in messages
    assert "(perplexity " in messages
    assert "bits)" not in messages


def test_an_embedding_is_the_default_and_as_large_as_the_head_where_it_is_tied() -> None:
    other = [*TINY[: TINY.index("--embedding")], "--epochs", "1"]
    run("pretrain", "book", "-o", "default", *other)
    assert load_model(Path("default")).config.embedding == 256
    run("pretrain", "book", "-o", "tied", *other, "--tie-weights")
    assert load_model(Path("tied")).config.embedding == 16
    run("pretrain", "book", "-o", "one-hot", *other, "--embedding", "0")
    assert load_model(Path("one-hot")).config.embedding == 0


def test_samples_are_words_joined() -> None:
    text = report("sample", "-m", "base", "--seed", "the king", "--length", "60")[0]["text"]  # type: ignore[index]
    known = {*LISTED, *(f"{word}," for word in LISTED)}
    # In place of the unknown word the text goes on as it is likeliest.
    parts = str(text).replace(".", "").split()
    assert len([part for part in parts if part.strip(",") in known]) > 0.9 * len(parts) > 20
    assert " ," not in str(text)
    assert "\n" in str(text)


def test_a_transfer_follows_the_words_whatever_their_order() -> None:
    poem = "winter sang, Zebra rode the ford .\nZebra of the grey king .\n" * 40
    Path("poem.txt").write_text(poem)
    run("preprocess", "poem.txt", "-o", "poem", "--level", "word", "--split", "0.6,0.2,0.2")
    base, target = load_model(Path("base")).vocabulary, load_dataset(Path("poem")).vocabulary
    shared = [word for word in target.symbols if word in base.ids]
    assert [base.ids[word] for word in shared] != [target.ids[word] for word in shared]
    result = run("transfer", "poem", "-m", "base", "-o", "poet", *BRIEF, "--epochs", "3", "--json")
    found = json.loads(result.stdout)
    poet = load_model(Path("poet"))
    assert poet.vocabulary.symbols == (*base.symbols, "Zebra")
    assert poet.vocabulary.level == "word"
    assert found["base_test_nats_per_word"] > found["test_nats_per_word"]
    # A base that never saw a word reads it as the unknown one; with the word dropped, its loss is that of the base.
    dropped = report("transfer", "poem", "-m", "base", "-o", "other", *BRIEF, "--epochs", "1", "--new-symbols", "drop")
    assert dropped["base_test_nats_per_word"] == pytest.approx(nats_by_hand("base", "poem"), rel=1e-3)
    assert report("evaluate", "poem", "-m", "base")["nats_per_word"] == pytest.approx(
        dropped["base_test_nats_per_word"], rel=1e-5
    )


def test_a_text_is_read_as_the_model_reads() -> None:
    Path("line.txt").write_text("the king rode over the ford, unheard .")
    result = run("evaluate", "line.txt", "-m", "base", "--json")
    scored = json.loads(result.stdout)
    assert "1 words are read as the unknown word: base does not know them" in result.stderr
    # Nine words and the end of the document, of which the first has nothing before it.
    assert (scored["words"], scored["chars"], scored["left_out"]) == (9, 38, 0)
    report("transfer", "line.txt", "-m", "base", "-o", "poet", "--epochs", "1", "--batch-size", "1")
    assert load_model(Path("poet")).vocabulary.level == "word"


def test_words_that_a_model_without_unknown_ones_does_not_know_are_left_out() -> None:
    Path("few.txt").write_text("the king rode\n" * 50)
    run("preprocess", "few.txt", "-o", "few", "--level", "word")
    run("pretrain", "few", "-o", "plain", *TINY, "--epochs", "1")
    assert UNKNOWN not in load_model(Path("plain")).vocabulary.ids
    Path("line.txt").write_text("the king rode unheard rode")
    result = run("evaluate", "line.txt", "-m", "plain", "--json")
    scored = json.loads(result.stdout)
    assert (scored["words"], scored["chars"], scored["left_out"]) == (4, 18, 1)
    assert "1 words are not scored" in result.stderr


def test_what_surprises_is_shown_by_word() -> None:
    listed = report("evaluate", "-m", "base", "--show", "the king, unheard")
    assert [each["character"] for each in listed] == ["the", " king", ",", " unheard"]  # type: ignore[index]
    assert all(each["bits"] > 0 for each in listed)  # type: ignore[index]
    assert "mean of 4 words" in run("evaluate", "-m", "base", "--show", "the king, unheard").stdout


def test_what_a_dataset_and_a_model_are_of_is_told() -> None:
    model, dataset = report("info", "base"), report("info", "book")
    assert model["level"] == dataset["level"] == "word"
    assert dataset["test_words"] == len(load_dataset(Path("book")).splits["test"])
    assert "symbols" not in model


def test_curves_and_rate_ranges_are_by_word() -> None:
    assert "loss (nats per word)" in run("plot", "base", "--show").stdout
    of_characters = Path(__file__).parents[1] / "formats" / "1" / "model"
    assert "their losses do not compare" in run("plot", "base", str(of_characters), "--show", code=2).stderr
    found = report("find-rate", "book", *TINY[:-2], "--steps", "3")
    assert len(found["nats_per_word"]) == 3


def test_an_interrupted_run_goes_on_by_words() -> None:
    run("pretrain", "--resume", "-o", "base", "--epochs", "3")
    before = json.loads(Path("report.json").read_text())["words_trained"]
    assert load_model(Path("base")).result["words_trained"] == 3 * before / 2


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["evaluate", "letters", "-m", "base"], 4, "letters is of characters, but base of words"),
        (["transfer", "letters", "-m", "base", "-o", "poet"], 4, "charlstm preprocess --level word"),
        (["evaluate", "book", "-m", "base", "--per-document"], 2, "--per-document tells of characters"),
        (["score", "book.txt", "-m", "base"], 5, "texts are scored by character"),
        (["report", "-m", "base", "--against", "book"], 5, "judged by its characters"),
        (["sweep", "book", "-m", "base", "-o", "sweep"], 4, "a sweep compares losses per character"),
        (["sweep", "letters", "-m", "base", "-o", "sweep"], 5, "a sweep compares losses per character"),
    ],
)
def test_what_goes_by_characters_refuses_words(arguments: list[str], code: int, says: str) -> None:
    run("preprocess", "book.txt", "-o", "letters")
    result = run(*arguments, code=code)
    assert says in result.stderr
    assert not Path("poet").exists()
    assert not Path("sweep").exists()
