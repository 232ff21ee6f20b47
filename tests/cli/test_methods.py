"""The methods of the literature from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from charlstm.cli import console
from charlstm.cli.main import main
from charlstm.store.history import read_history
from charlstm.store.model_directory import load_model
from charlstm.training.loop import Trainer
from charlstm.training.step import StepInputs, TrainingStep

TINY = [
    *["--layers", "2", "--units", "8", "--batch-size", "4", "--sequence-length", "10", "--epochs", "1"],
    *["--dropout", "0.2", "--precision", "float32"],
]


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def report(*arguments: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run(*arguments, "--json").stdout)
    return document


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text(words[:3000])


def test_a_tied_embedding_can_be_evaluated_sampled_and_carried_over() -> None:
    regularised = ["--weight-drop", "0.3", "--locked-dropout", "--input-dropout", "0.1", "--embedding-dropout", "0.1"]
    base = report("pretrain", "book.txt", "-o", "base", *TINY, "--embedding", "8", "--tie-weights", *regularised)
    symbols = 19
    assert base["parameters"] == 8 * symbols + 2 * 4 * 8 * 17 + symbols
    scored = json.loads(run("evaluate", "-m", "base", "--json").stdout)
    assert scored["nats_per_char"] == pytest.approx(base["test_nats_per_char"], rel=1e-5)
    assert len(json.loads(run("sample", "-m", "base", "--length", "30", "--json").stdout)[0]["text"]) >= 30
    Path("poem.txt").write_text(Path("book.txt").read_text().replace("king", "Queen"))
    poet = report("transfer", "poem.txt", "-m", "base", "-o", "poet", "--retrain", "1", "--epochs", "1")
    assert poet["parameters"] == base["parameters"] + 2 * 9
    # The head is tied to the embedding, which therefore trains, while layer 0 keeps its weights.
    assert poet["trained_parameters"] == poet["parameters"] - 4 * 8 * 17


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--tie-weights"], "give --embedding too"),
        (["--tie-weights", "--embedding", "9"], "give --embedding 8"),
        (["--input-dropout", "0.2"], "give --embedding too, or --embedding-dropout"),
        (["--layer-rates", "0.1"], "needs a value for each of the 2 LSTM layers"),
        (["--clip-norm", "1,2,3,4"], "needs a value for each of the 2 LSTM layers"),
        (["--min-learning-rate", "1"], "at most the learning rate, 0.003"),
        (["--embedding", "8", "--tie-weights", "--gradual", "--units", "9,8"], "give --units 8, or leave out"),
        (["--cycle-epochs", "3"], "--cycle-epochs is of --schedule cyclical and sgdr, not of cosine"),
        (["--schedule", "sgdr", "--warmup-steps", "5"], "--warmup-steps is of --schedule constant and cosine and"),
        (["--optimizer", "nt-asgd", "--rmsprop-decay", "0.5"], "--rmsprop-decay is of --optimizer rmsprop, not of nt"),
        (
            ["--optimizer", "nt-asgd", "--decay", "0.5"],
            "--decay is of --schedule step and plateau and cyclical, not",
        ),
        (["--schedule", "cyclical", "--decay", "0.5"], "--decay is of --cycle exp_range, not of triangular"),
    ],
)
def test_bad_combinations_say_what_would_work(options: list[str], says: str) -> None:
    assert says in run("pretrain", "book.txt", "-o", "model", *TINY, *options, code=2).stderr
    assert not Path("model").exists()


def test_a_tied_head_that_is_frozen_stays_with_the_embedding_that_it_is() -> None:
    run("pretrain", "book.txt", "-o", "base", *TINY, "--embedding", "8", "--tie-weights")
    keeps = ["--retrain", "0", "--freeze-head", "--new-symbols", "drop", "--epochs", "1"]
    run("transfer", "book.txt", "-m", "base", "-o", "poet", *keeps)
    before, after = load_model(Path("base")).weights, load_model(Path("poet")).weights
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"lstm_0/kernel", "lstm_0/recurrent_kernel", "lstm_0/bias"}


def test_unfreezing_steps_are_of_unfreezing() -> None:
    run("pretrain", "book.txt", "-o", "base", *TINY)
    refused = run("transfer", "book.txt", "-m", "base", "-o", "poet", "--unfreeze-every", "2", code=2).stderr
    assert "--unfreeze-every is of --unfreeze gradual and chain, not of none" in " ".join(refused.split())
    assert not Path("poet").exists()


def test_gradual_learning_hands_its_best_weights_on_and_ends_with_the_whole_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed_on = []
    original = Trainer.follow

    def follow(self: Trainer, before: Trainer) -> None:
        handed_on.append((dict(before.best), self.network.to_arrays()))
        original(self, before)

    monkeypatch.setattr(Trainer, "follow", follow)
    found = report("pretrain", "book.txt", "-o", "model", *TINY, "--gradual", "--epochs", "3", "--phase-epochs", "1")
    ((before, after),) = handed_on
    kept = [name for name in before if name.startswith("lstm_0")]
    assert len(kept) == 3
    assert all(np.array_equal(before[name], after[name]) for name in kept)
    assert not np.array_equal(before["head/kernel"], after["head/kernel"])
    model = load_model(Path("model"))
    assert model.config.units == (8, 8)
    assert not any(np.array_equal(model.weights[name], array) for name, array in after.items())
    assert (found["epochs"], found["stopped_by"]) == (3, "epochs")
    assert found["parameters"] == found["trained_parameters"] == model.config.parameters
    rows = Path("model", "history.csv").read_text().splitlines()[1:]
    assert [float(row.split(",")[1]) for row in rows] == pytest.approx([1, 2, 3])


def test_a_new_layer_that_diverges_at_once_leaves_the_stack_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Trainer._train_some_steps

    def spoiled(self: Trainer) -> None:
        if self.position.phase == 1:
            arrays = self.network.to_arrays()
            self.network.assign({name: np.full_like(array, 3e38) for name, array in arrays.items()})
        original(self)

    monkeypatch.setattr(Trainer, "_train_some_steps", spoiled)
    run("pretrain", "book.txt", "-o", "model", *TINY, "--gradual", "--epochs", "2", code=6)
    model = load_model(Path("model"))
    assert model.config.units == (8,)
    (row,) = read_history(Path("model/history.csv"))
    assert model.result["valid_nats_per_char"] == pytest.approx(row.valid_nats_per_char, rel=1e-4)


def test_unfreezing_trains_the_top_first(monkeypatch: pytest.MonkeyPatch) -> None:
    run("pretrain", "book.txt", "-o", "base", *TINY)
    ends = []
    original = Trainer.run

    def ran(self: Trainer, *arguments: Any) -> bool:
        finished = original(self, *arguments)
        ends.append(self.network.to_arrays())
        return finished

    monkeypatch.setattr(Trainer, "run", ran)
    options = ["--epochs", "3", "--batch-size", "4", "--sequence-length", "10"]
    run("transfer", "book.txt", "-m", "base", "-o", "poet", "--unfreeze", "gradual", *options)
    base = load_model(Path("base")).weights
    changed = [{name.split("/")[0] for name in end if not np.array_equal(end[name], base[name])} for end in ends]
    assert changed == [{"head"}, {"head", "lstm_1"}, {"head", "lstm_1", "lstm_0"}]


def test_phases_share_the_time_of_a_run() -> None:
    options = ["--gradual", "--epochs", "1000000", "--max-minutes", "0.05"]
    found = report("pretrain", "book.txt", "-o", "model", *TINY, *options)
    assert found["stopped_by"] == "max_minutes"
    assert load_model(Path("model")).config.layers == 2


def test_a_model_that_looks_further_ahead_is_scored_and_sampled_as_it_was_trained() -> None:
    # Of eight symbols in a circle, the one three further on is known from the one that is read.
    Path("circle.txt").write_text("abcdefgh" * 300)
    options = ["--layers", "1", "--units", "16", "--batch-size", "8", "--sequence-length", "10", "--dropout", "0"]
    found = report(
        *("pretrain", "circle.txt", "-o", "far", *options, "--epochs", "12", "--learning-rate", "0.03"),
        *("--target-offset", "3", "--warmup-steps", "0"),
    )
    assert found["test_nats_per_char"] < 0.2
    assert json.loads(run("evaluate", "-m", "far", "--json").stdout)["nats_per_char"] < 0.2
    sampled = ["sample", "-m", "far", "--length", "12", "--temperature", "0", "--json", "--seed"]
    (sample,) = json.loads(run(*sampled, "abcdefghabcdefghabcd").stdout)
    assert sample["text"].endswith("efghabcdefgh")
    (short,) = json.loads(run(*sampled, "c").stdout)
    assert short["text"][-5:] in "abcdefgh" * 2
    shown = json.loads(run("evaluate", "-m", "far", "--show", "abcdefghabcdefgh", "--json").stdout)
    assert max(each["bits"] for each in shown[5:]) < 0.5
    run("transfer", "circle.txt", "-m", "far", "-o", "again", "--epochs", "1", "--sequence-length", "10")
    assert load_model(Path("again")).config.target_offset == 3
    assert "--device cpu" in run("sample", "-m", "far", "--device", "gpu", code=2).stderr
    run("preprocess", "book.txt", "--documents", "line", "-o", "lines")
    refused = run("pretrain", "lines", "-o", "x", *options, "--target-offset", "2", "--batching", "documents", code=2)
    assert "leave it at --batching stream" in refused.stderr


def test_the_rate_follows_the_random_length(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    original = TrainingStep.__call__

    def call(self: TrainingStep, asked: list[StepInputs], state: Any) -> Any:
        seen.extend((step.inputs.shape[1], step.learning_rate) for step in asked)
        return original(self, asked, state)

    monkeypatch.setattr(TrainingStep, "__call__", call)
    constant = ["--schedule", "constant", "--warmup-steps", "0", "--learning-rate", "0.1"]
    found = report(
        "pretrain", "book.txt", "-o", "model", *TINY, *constant, "--random-lengths", "--sequence-length", "6"
    )
    assert len({length for length, _ in seen}) > 1
    assert [rate for _, rate in seen] == pytest.approx([0.1 * length / 6 for length, _ in seen])
    assert found["chars_trained"] == 4 * sum(length for length, _ in seen)


FIND = ["find-rate", "book.txt", "--layers", "1", "--units", "8", "--batch-size", "4", "--sequence-length", "10"]


def test_find_rate_draws_suggests_and_changes_nothing() -> None:
    before = set(Path().iterdir())
    found = json.loads(run(*FIND, "--steps", "60", "--json").stdout)
    assert set(Path().iterdir()) == before
    assert found["rates"][:2] == pytest.approx([1e-5, 1e-5 * 1e6 ** (1 / 59)])
    assert len(found["rates"]) == len(found["nats_per_char"]) <= 60
    assert found["nats_per_char"][0] == pytest.approx(np.log(19), rel=0.1)
    assert 1e-4 < found["suggestion"] < 1
    shown = run(*FIND, "--steps", "30", "-o", "rates.svg").stdout
    assert "The loss falls fastest at --learning-rate" in shown
    assert Path("rates.svg").read_bytes().startswith(b"<?xml")
    again = run(*FIND, "-o", "rates.svg", code=1).stderr
    assert "rates.svg" in again


def test_find_rate_trains_on_the_text_that_pretrain_would() -> None:
    Path("books").mkdir()
    for number in range(20):
        Path(f"books/{number}.txt").write_text(f"{chr(97 + number)} {number} " * 30)
    for seed in "13":
        run("preprocess", "books", "-o", f"by-{seed}", "--random-seed", seed)
    options = [*FIND[2:], "--steps", "3", "--random-seed", "3", "--json"]
    of_texts, by_1, by_3 = (json.loads(run(FIND[0], name, *options).stdout) for name in ("books", "by-1", "by-3"))
    assert of_texts == by_1 != by_3


def test_a_terminal_without_characters_to_draw_with_still_learns_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "undrawable", lambda _: "ascii has no characters to draw with")
    found = run(*FIND, "--steps", "5")
    assert "ascii has no characters to draw with: set PYTHONUTF8=1, or give --out" in found.stderr
    assert len(found.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--highest", "inf"], "is not in the range"),
        (["--highest", "1e-6"], "--highest 1e-06: must be above --lowest"),
        (["-o", "rates.txt"], "a figure is a .png or .svg file"),
        (["--tie-weights"], "give --embedding too"),
    ],
)
def test_find_rate_refuses_what_cannot_be(options: list[str], says: str) -> None:
    assert says in run(*FIND, *options, code=2).stderr


def test_a_dry_run_says_what_a_preset_stands_for_and_what_is_given_wins() -> None:
    document = json.loads(run("pretrain", "--preset", "char-rnn", "--units", "7", "--dry-run", "--json").stdout)
    assert document["preset"] == "char-rnn"
    assert "Karpathy" in document["source"]
    assert document["options"]["--units"] == [7]
    assert document["options"]["--rmsprop-decay"] == 0.95
    shown = " ".join(run("pretrain", "--preset", "gradual", "--dry-run").stdout.split())
    assert "--phase-dropout '0.7;0.5,0.75'" in shown
    assert "--gradual --epochs 160" in shown
    assert [path.name for path in Path().iterdir()] == ["book.txt"]


def test_a_dry_run_of_a_preset_by_size_shows_what_each_size_of_text_gets() -> None:
    shown = [line.split() for line in run("pretrain", "--preset", "quality", "--dry-run").stdout.splitlines()]
    assert ["30,000", "2", "x", "256", "8", "x", "50", "0.5", "0.5", "200", "20"] in shown
    assert ["any", "number", "2", "x", "2048", "64", "x", "70", "0.1", "0", "5", "6"] in shown
    sizes = json.loads(run("pretrain", "--dry-run", "--json").stdout)["sizes"]
    trained = json.loads(run("pretrain", "book.txt", "-o", "m", "--max-minutes", "0.001", "--json").stdout)
    kept = json.loads(Path("m/config.json").read_text())
    assert trained["epochs"] < 1
    (least, *_, most), used = sizes["char"], kept["training"]
    assert most["symbols"] is None
    assert [least[name] for name in ("batch_size", "sequence_length", "epochs", "weight_drop")] == [
        used[name] for name in ("batch_size", "sequence_length", "epochs", "weight_drop")
    ]
    of_transfer = json.loads(run("transfer", "--dry-run", "--json").stdout)["sizes"]
    assert of_transfer["char"][0]["epochs"] == least["epochs"] // 5
    assert "units" not in of_transfer["char"][0]


@pytest.mark.parametrize(
    ("line", "has", "lacks"),
    [
        ("pretrain --preset gradual --dropout 0.3", {"--dropout": [0.3]}, "--phase-dropout"),
        ("pretrain --preset gradual --layers 3", {"--layers": 3, "--units": [1500]}, "--phase-dropout"),
        ("pretrain --preset gradual --layers 3", {"--epochs": 160}, "--phase-epochs"),
        ("pretrain --preset gradual --epochs 4", {"--epochs": 4}, "--phase-epochs"),
        ("pretrain --preset awd-lstm --batching documents", {"--layers": 3}, "--random-lengths"),
        ("pretrain --preset char-rnn --schedule cosine", {"--epochs": 50}, "--decay"),
        ("pretrain --preset gradual --no-gradual", {"--gradual": False}, "--phase-epochs"),
        ("pretrain --preset awd-lstm --layers 2", {"--units": [1000, 200], "--dropout": [0.25, 0.1]}, "--gradual"),
        ("pretrain --preset awd-lstm --layers 4", {"--units": [1000, 1000, 1000, 200]}, "--gradual"),
        ("transfer --preset ulmfit --layer-rates 0.01,0.02", {"--layer-rates": [0.01, 0.02]}, "--layer-rate-decay"),
    ],
)
def test_what_is_given_beside_a_preset_takes_the_place_of_all_that_says_the_same(
    line: str, has: dict[str, object], lacks: str
) -> None:
    options = json.loads(run(*line.split(), "--dry-run", "--json").stdout)["options"]
    assert {name: options[name] for name in has} == has
    assert lacks not in options


def test_dropout_is_given_once() -> None:
    line = ["pretrain", "book.txt", "-o", "m", "--gradual", "--layers", "2", "--epochs", "2"]
    refused = run(*line, "--dropout", "0.3", "--phase-dropout", "0.1;0.2", code=2).stderr
    assert "--dropout and --phase-dropout say the same" in refused
    assert not Path("m").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--schedule", "plateau"], "--schedule plateau follows the validation loss, and there is no validation text"),
        (["--optimizer", "nt-asgd"], "--optimizer nt-asgd follows the validation loss"),
        (["--target-offset", "60000"], "--target-offset 60000: the training text has"),
        (["--precision", "bfloat16", "--sequence-length", "300"], "bfloat16: without a GPU, it is for sequences of up"),
        (["--precision", "bfloat16", "--sequence-length", "250", "--random-lengths"], "not of 313"),
    ],
)
def test_options_that_the_texts_do_not_suffice_for_are_refused(options: list[str], says: str) -> None:
    run("preprocess", "book.txt", "--split", "1,0,0", "-o", "all")
    refused = run("pretrain", "all", "-o", "m", "--layers", "1", "--units", "4", *options, code=2).stderr
    assert says in " ".join(refused.split())
    assert not Path("m").exists()


def test_a_preset_trains_with_its_options_but_for_those_given() -> None:
    small = ["--units", "6", "--batch-size", "4", "--epochs", "1", "--sequence-length", "10"]
    run("pretrain", "book.txt", "-o", "model", "--preset", "char-rnn", *small)
    model = load_model(Path("model"))
    assert model.config.units == (6, 6)
    assert {name: model.training[name] for name in ("optimizer", "rmsprop_decay", "schedule", "decay", "epochs")} == {
        "optimizer": "rmsprop",
        "rmsprop_decay": 0.95,
        "schedule": "step",
        "decay": 0.97,
        "epochs": 1,
    }
    # Named again, or not at all, it is the same run.
    run("pretrain", "--resume", "-o", "model", "--preset", "char-rnn", "--units", "6")
    run("pretrain", "--resume", "-o", "model")
    assert (
        "--preset would change the run"
        in run("pretrain", "--resume", "-o", "model", "--preset", "lovecraft", code=2).stderr
    )


def test_ulmfit_carries_a_model_over_with_its_own_course() -> None:
    run("pretrain", "book.txt", "-o", "base", *TINY)
    small = ["--batch-size", "16", "--sequence-length", "4", "--epochs", "2", "--no-random-lengths"]
    run("transfer", "book.txt", "-m", "base", "-o", "poet", "--retrain", "1", "--preset", "ulmfit", *small)
    training = load_model(Path("poet")).training
    assert (training["schedule"], training["layer_rate_decay"], training["phase_epochs"]) == ("stlr", 2.6, [1])
    assert training["warmup_steps"] == 0
    # What a preset switches on can be switched off beside it.
    assert (training["locked_dropout"], training["random_lengths"]) == (True, False)


@pytest.mark.parametrize("name", ["pretrain", "transfer", "sweep", "find-rate"])
def test_the_methods_stand_under_headings_and_no_option_is_lost(name: str) -> None:
    page = run(name, "--help").stdout
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [option for option in command.params if isinstance(option, click.Option)]
    for option in options:
        assert len(re.findall(rf"^  (-\w, )?{option.opts[-1]}\b(?!-)", page, re.MULTILINE)) == 1
    first, regularisation = page.split("\nRegularisation:\n")
    assert "--weight-drop" in regularisation
    assert "\nOptions:\n" in first
