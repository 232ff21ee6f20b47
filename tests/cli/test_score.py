"""Scores by line, document and file, of one model and of several."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.data.vocabulary import END_OF_DOCUMENT, UNKNOWN, Vocabulary
from charlstm.evaluation.scores import nats_of_characters
from charlstm.evaluation.surprise import surprises
from charlstm.store.model_directory import Model, load_model, save_model

LINES = ["the king rode", "over the grey ford", "and sang of winter"]


@pytest.fixture(autouse=True)
def _in_the_directory_of_the_model(model_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model_path.parent)
    Path("poem.txt").write_text("\n\n".join(LINES))


def run(*arguments: str, code: int = 0, text: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["score", *arguments], input=text)
    assert result.exit_code == code, result.output
    return result


def scores(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return document


def another_model(name: str, factor: float = 1.0, **symbols: str) -> Model:
    """Save the model under another name, its logits multiplied, or with other symbols in the place of some."""
    model = load_model(Path("model"))
    vocabulary = Vocabulary(tuple(symbols.get(symbol, symbol) for symbol in model.vocabulary.symbols))
    weights = {key: array * factor if key.startswith("head") else array for key, array in model.weights.items()}
    Path(name).mkdir()
    save_model(Path(name), model.config, vocabulary, weights, training={}, dataset={}, lineage=[], result={})
    return load_model(Path(name))


def mean_bits(text: str) -> float:
    bits = [each.bits for each in surprises(load_model(Path("model")), text, [].append) if each.bits is not None]
    return sum(bits) / len(bits)


def test_each_line_costs_what_its_characters_do_alone() -> None:
    found = scores("-m", "model", "--by", "line", "poem.txt")
    assert [(each["number"], each["chars"], each["beginning"]) for each in found["units"]] == [
        (1, 13, LINES[0]),
        (3, 18, LINES[1]),
        (5, 18, LINES[2]),
    ]
    bits = [each["bits_per_char"]["model"] for each in found["units"]]
    assert bits == pytest.approx([mean_bits(line) for line in LINES], rel=1e-4)
    weighted = sum(each * len(line) for each, line in zip(bits, LINES, strict=True)) / found["chars"]
    assert found["bits_per_char"] == {"model": pytest.approx(weighted)}
    assert (found["best"], found["fits_best"], found["left_out"]) == (None, {}, 0)
    in_order = [each["number"] for each in scores("-m", "model", "--by", "line", "--sort", "poem.txt")["units"]]
    assert in_order == [number for _, number in sorted(zip(bits, (1, 3, 5), strict=True))]
    assert in_order != [1, 3, 5]


def test_documents_and_files_are_read_whole() -> None:
    (whole,) = scores("-m", "model", "poem.txt")["units"]
    assert whole["bits_per_char"]["model"] == pytest.approx(mean_bits("\n\n".join(LINES)), rel=1e-4)
    assert [each["beginning"] for each in scores("-m", "model", "--by", "document", "poem.txt")["units"]] == LINES


def test_the_best_of_several_models_is_named() -> None:
    another_model("flat", 0.0)
    found = scores("-m", "model", "-m", "flat", "--by", "line", "poem.txt")
    even = 4.857980995127573  # bits of one of 29 symbols
    assert found["bits_per_char"]["flat"] == pytest.approx(even)
    for unit in found["units"]:
        assert unit["bits_per_char"]["flat"] == pytest.approx(even)
        assert unit["best"] == min(unit["bits_per_char"], key=unit["bits_per_char"].get)
    assert found["best"] == min(found["bits_per_char"], key=found["bits_per_char"].get)
    assert sum(found["fits_best"].values()) == 3
    output = run("-m", "model", "-m", "flat", "--by", "line", "poem.txt").stdout
    assert f"{found['best']} fits best" in output
    assert f"{found['units'][0]['bits_per_char']['flat']:.3f}" in output


def test_models_are_compared_on_the_characters_that_all_know() -> None:
    another_model("other", 1.0, k="K")
    result = run("-m", "model", "-m", "other", "poem.txt", "--json")
    found = json.loads(result.stdout)
    assert (found["chars"], found["left_out"]) == (52, 1)
    assert "1 characters are not scored" in result.stderr
    assert "'k'" in result.stderr


def test_an_unknown_symbol_is_read_but_no_character() -> None:
    model = another_model("unknown", 1.0, z=UNKNOWN)
    nats = nats_of_characters(model, ["a\u20acb"])
    twin = nats_of_characters(load_model(Path("model")), ["azb"])
    assert nats[[0, 2]] == pytest.approx(twin[[0, 2]])
    assert nats[1] != nats[1]


def test_the_first_character_needs_something_before_it() -> None:
    model = load_model(Path("model"))
    symbols = tuple("Z" if symbol == END_OF_DOCUMENT else symbol for symbol in model.vocabulary.symbols)
    endless = replace(model, vocabulary=Vocabulary(symbols))
    nats = nats_of_characters(endless, ["Zking", "", "Z\u20ack"])
    assert (nats != nats).tolist() == [True, False, False, False, False, True, True, False]
    assert nats[1:5] == pytest.approx(nats_of_characters(model, ["king"]))
    assert nats[7] == pytest.approx(nats[1])


@pytest.mark.parametrize(
    ("more", "has_it", "cores", "option", "precision"),
    [
        (0, True, 2, "auto", "bfloat16"),
        (0, False, 2, "auto", "float32"),
        (0, True, 3, "auto", "float32"),
        (1, True, 2, "auto", "float32"),
        (1, False, 3, "bfloat16", "bfloat16"),
        (0, True, 2, "float32", "float32"),
    ],
)
def test_long_texts_are_multiplied_in_bfloat16_where_that_is_faster(
    monkeypatch: pytest.MonkeyPatch, more: int, has_it: bool, cores: int, option: str, precision: str
) -> None:
    text, model = "\n\n".join(LINES), load_model(Path("model"))
    assert model.config.layers == 2
    work = 2 * model.config.parameters * len(text)
    monkeypatch.setattr("charlstm.evaluation.scores.WORTH_BFLOAT16", work + more)
    monkeypatch.setattr("charlstm.evaluation.scores.processor_has_bfloat16", lambda: has_it)
    monkeypatch.setattr("charlstm.evaluation.scores.cores", lambda: cores)
    exact = mean_bits(text)
    found = scores("-m", "model", "poem.txt", "--precision", option)
    assert found["precision"] == precision
    error = abs(found["bits_per_char"]["model"] - exact)
    assert error < 1e-2
    assert (error > 1e-5) == (precision == "bfloat16")


def test_control_characters_are_visible() -> None:
    Path("evil.txt").write_text("the \x1b[2J king")
    assert "\x1b" not in run("-m", "model", "evil.txt").output


def test_standard_input_and_the_newest_model() -> None:
    Path("runs").mkdir()
    shutil.move("model", "runs/pretrain-1")
    Path("runs/latest").symlink_to("pretrain-1")
    assert "standard input" in run("-", text="the king").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["-m", "model"], 2, "Missing argument"),
        (["-m", "model", "-m", "model", "poem.txt"], 2, "model is given twice"),
        (["-m", "model", "none.txt"], 4, "none.txt"),
        (["-m", "nothing", "poem.txt"], 5, "nothing does not exist"),
        (["-m", "model", "euros.txt"], 4, "no character to score in euros.txt"),
    ],
)
def test_what_cannot_be_scored_is_said_in_a_sentence(arguments: list[str], code: int, says: str) -> None:
    Path("euros.txt").write_text("\u20ac\u20ac")
    result = run(*arguments, code=code)
    assert says in result.stderr
    assert result.stdout == ""
