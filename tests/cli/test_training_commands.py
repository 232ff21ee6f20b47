"""The main job through the command line: pretrain, transfer, sample, evaluate, info."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

from charlstm.cli.main import main
from charlstm.errors import CharlstmError
from charlstm.model.numpy_lstm import NumpyLSTM
from charlstm.store.dataset_directory import load_dataset
from charlstm.store.history import read_history
from charlstm.store.model_directory import Model, Weights, load_model
from charlstm.training import execution, runs
from charlstm.training.execution import RunOptions

# The size of a batch that is quick to compile.
BRIEF = ["--batch-size", "4", "--sequence-length", "20"]
SMALL = ["--layers", "2", "--units", "12", *BRIEF, "--dropout", "0"]
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in an empty directory and return its result, checking the exit code."""
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, code: int = 0, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, list(arguments), input=text)
        assert result.exit_code == code, result.output
        return result

    return invoke


@pytest.fixture
def book(tmp_path: Path, words: str) -> str:
    (tmp_path / "book.txt").write_text(words)
    return "book.txt"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, words: str) -> Path:
    """A model pretrained once for all tests of this file; each works on a copy."""
    directory = tmp_path_factory.mktemp("trained")
    (directory / "book.txt").write_text(words)
    arguments = ["pretrain", str(directory / "book.txt"), "-o", str(directory / "base"), *SMALL, "--epochs", "4"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    return directory / "base"


@pytest.fixture
def base(tmp_path: Path, trained: Path) -> str:
    shutil.copytree(trained, tmp_path / "base")
    return "base"


def test_pretraining_learns_and_reports(run: Run, book: str) -> None:
    result = run("pretrain", book, "-o", "base", *SMALL, "--epochs", "8", "--learning-rate", "0.02", "--json")
    report = json.loads(result.stdout)
    assert report["model"] == "base"
    assert report["epochs"] == 8
    assert report["stopped_by"] == "epochs"
    assert report["parameters"] == report["trained_parameters"]
    assert report["chars_trained"] == report["steps"] * 80
    # Words from a list of ten cost about 0.6 nats a character; the shares of the letters alone about 2.6.
    assert report["valid_nats_per_char"] < 1.5
    assert abs(report["test_nats_per_char"] - report["valid_nats_per_char"]) < 0.2
    evaluations = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
    assert len(evaluations) == 8
    assert evaluations[0].endswith(" bits)  best")
    assert all(len(line) < 80 for line in evaluations)
    evaluated = json.loads(run("evaluate", "-m", "base", "--split", "test", "--json").stdout)
    assert evaluated["nats_per_char"] == pytest.approx(report["test_nats_per_char"], abs=1e-5)
    assert evaluated["bits_per_char"] == pytest.approx(evaluated["nats_per_char"] / np.log(2))
    assert evaluated["perplexity"] == pytest.approx(np.exp(evaluated["nats_per_char"]))
    assert evaluated["unigram_bits_per_char"] > evaluated["five_gram_bits_per_char"]


def test_the_same_random_seed_gives_the_same_model_and_any_the_same_parts_of_the_text(run: Run, words: str) -> None:
    # From ten documents on, which of them are learned from is drawn at random.
    books, lines = [f"book-{number}.txt" for number in range(10)], words.splitlines()
    for number, name in enumerate(books):
        Path(name).write_text("\n".join(lines[number::10]))
    for name, seed in (("a", "0"), ("b", "0"), ("c", "3")):
        run("pretrain", *books, "-o", name, *SMALL, "--epochs", "1", "--dropout", "0.3", "--random-seed", seed)
    assert len({load_dataset(Path(name, "dataset")).fingerprint for name in "abc"}) == 1
    a, b, c = (load_file(f"{name}/model.safetensors") for name in "abc")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not np.array_equal(a["head/kernel"], c["head/kernel"])


def test_without_out_results_go_to_runs_and_the_newest_is_found(run: Run, book: str) -> None:
    run("pretrain", book, *SMALL, "--epochs", "1")
    run("transfer", book, "--epochs", "1", "--retrain", "1", *BRIEF)
    assert json.loads(run("info", "--json").stdout)["lineage"][0]["model"] == "runs/pretrain-1"
    assert len(run("sample", "--seed", "the", "--length", "30").stdout) >= 30
    assert Path("runs/transfer-1/config.json").exists()


def test_a_base_is_recorded_by_its_own_name(run: Run, base: str, book: str) -> None:
    shutil.move(base, "runs/pretrain-1")
    Path("runs/latest").symlink_to("pretrain-1")
    report = json.loads(run("transfer", book, "-m", "runs/latest", "--epochs", "1", *BRIEF, "--json").stdout)
    # The base is still found when runs/latest names the new model.
    assert report["text_from_base_bits"] > 0
    assert [each["model"] for each in json.loads(run("info", "--json").stdout)["lineage"]] == ["runs/pretrain-1"]


def test_transfer_keeps_frozen_layers_to_the_bit_and_trains_the_others(run: Run, base: str, book: str) -> None:
    result = run("transfer", book, "-m", base, "-o", "poet", "--retrain", "1", "--epochs", "1", *BRIEF, "--json")
    before, after = load_file("base/model.safetensors"), load_file("poet/model.safetensors")
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {name for name in before if name.startswith(("lstm_1", "head"))}
    report = json.loads(result.stdout)
    assert report["trained_parameters"] == sum(before[name].size for name in changed)
    info = json.loads(run("info", "poet", "--json").stdout)
    assert info["lineage"][0]["transfer"] == {"retrain": [1], "freeze_head": False, "new_symbols": "extend"}
    assert info["lineage"][0]["sha256"] == json.loads(run("info", "base", "--json").stdout)["sha256"]


def test_transfer_says_to_whom_its_text_is_closer(run: Run, base: str, book: str) -> None:
    options = ["transfer", book, "-m", base, "-o", "poet", "--epochs", "1", *BRIEF]
    report = json.loads(run(*options, "--json").stdout)
    assert 0 < report["text_from_target_bits"] < 1
    assert 0 < report["text_from_base_bits"] < 1
    sentence = f"{report['text_from_target_bits']:.3f} bits from the target, {report['text_from_base_bits']:.3f} from"
    assert sentence in run(*options, "--overwrite").stdout.replace("\n", " ")


def test_transfer_to_a_vocabulary_in_another_order_gets_the_right_loss(
    run: Run, base: str, words: str, tmp_path: Path
) -> None:
    # The same text with another document structure and some letters missing has other ids for the same symbols.
    (tmp_path / "other.txt").write_text("".join(character for character in words if character not in "ab"))
    run("preprocess", "other.txt", "-o", "other")
    report = json.loads(run("transfer", "other", "-m", base, "-o", "poet", "--epochs", "1", *BRIEF, "--json").stdout)
    alone = json.loads(run("evaluate", "other", "-m", base, "--json").stdout)
    assert report["base_test_nats_per_char"] == pytest.approx(alone["nats_per_char"], abs=1e-5)


def test_new_symbols_are_learned_even_where_their_layer_is_frozen(
    run: Run, base: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_text(words.replace("king", "K\N{LATIN SMALL LETTER E WITH ACUTE}ng"))
    options = ["-m", base, "--retrain", "1", "--epochs", "1", *BRIEF, "--freeze-head"]
    result = run("transfer", "other.txt", "-o", "poet", *options)
    assert "2 symbols are new" in result.stderr
    before, after = load_file("base/model.safetensors"), load_file("poet/model.safetensors")
    old = before["lstm_0/kernel"].shape[0]
    np.testing.assert_array_equal(after["lstm_0/kernel"][:old], before["lstm_0/kernel"])
    np.testing.assert_array_equal(after["head/kernel"][:, :old], before["head/kernel"])
    np.testing.assert_array_equal(after["lstm_0/recurrent_kernel"], before["lstm_0/recurrent_kernel"])
    mean = before["lstm_0/kernel"].mean(axis=0)
    assert after["lstm_0/kernel"].shape[0] == old + 2
    assert not np.allclose(after["lstm_0/kernel"][old], mean, atol=1e-6)
    run("transfer", "other.txt", "-o", "strict", *options, "--new-symbols", "error", code=4)
    dropped = run("transfer", "other.txt", "-o", "dropped", *options[:-1], "--new-symbols", "drop")
    assert "466 characters of the training text are left out" in dropped.stderr
    assert load_file("dropped/model.safetensors")["lstm_0/kernel"].shape[0] == old


def test_the_weights_of_the_base_do_not_stay_in_memory(
    run: Run, base: str, book: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[weakref.ref[np.ndarray]] = []

    def loaded(path: Path) -> Model:
        model = load_model(path)
        read.extend(map(weakref.ref, model.weights.values()))
        return model

    def begun(*_: object) -> Weights:
        assert read
        assert not any(reference() is not None for reference in read)
        raise CharlstmError("they are gone")

    monkeypatch.setattr(runs, "load_model", loaded)
    monkeypatch.setattr(execution, "first_weights", begun)
    assert "they are gone" in run("transfer", book, "-m", base, "--retrain", "1", *BRIEF, code=1).stderr


def test_symbols_too_rare_to_go_back_through_frozen_layers_for_are_only_written(
    run: Run, base: str, words: str, tmp_path: Path
) -> None:
    foreign = "\N{LATIN SMALL LETTER E WITH ACUTE}"
    (tmp_path / "other.txt").write_text(words[:99] + foreign + words[100:])
    options = ["other.txt", "-m", base, "--epochs", "1", *BRIEF]
    assert "too rare" in run("transfer", *options, "-o", "poet", "--retrain", "1").stderr
    before, after = load_file("base/model.safetensors"), load_file("poet/model.safetensors")
    mean = before["lstm_0/kernel"].mean(axis=0)
    np.testing.assert_allclose(after["lstm_0/kernel"][-1], mean, atol=1e-6)
    assert not np.allclose(after["head/kernel"][:, -1], before["head/kernel"].mean(axis=1), atol=1e-6)
    # Where the layer that reads them trains, all of it does.
    assert "too rare" not in run("transfer", *options, "-o", "all", "--retrain", "all").stderr
    assert not np.allclose(load_file("all/model.safetensors")["lstm_0/kernel"][-1], mean, atol=1e-6)


def test_head_only_and_all_layers(run: Run, base: str, book: str) -> None:
    for retrain, count in (("none", 2), ("all", 8)):
        run("transfer", book, "-m", base, "-o", retrain, "--retrain", retrain, "--epochs", "1", *BRIEF)
        before, after = load_file("base/model.safetensors"), load_file(f"{retrain}/model.safetensors")
        assert sum(not np.array_equal(before[name], after[name]) for name in before) == count


def test_a_short_text_shrinks_the_batch_with_a_note(run: Run, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("to be or not to be that is the question " * 3)
    result = run("pretrain", "short.txt", "-o", "m", "--layers", "1", "--units", "8", "--epochs", "1")
    assert "batch shrinks" in result.stderr


def test_a_run_without_a_validation_text_keeps_its_last_weights(run: Run, book: str) -> None:
    run("preprocess", book, "-o", "all", "--split", "1,0,0")
    report = json.loads(run("pretrain", "all", "-o", "m", *SMALL, "--epochs", "2", "--json").stdout)
    assert report["valid_nats_per_char"] is None
    assert report["test_nats_per_char"] is None
    loss = json.loads(run("evaluate", "all", "-m", "m", "--split", "train", "--json").stdout)["nats_per_char"]
    assert loss < 3


def test_training_ends_when_patience_or_time_is_out(run: Run, book: str) -> None:
    options = ["pretrain", book, "-o", "m", "--overwrite", *SMALL, "--epochs", "1000", "--json"]
    late = json.loads(run(*options, "--learning-rate", "1", "--patience", "2", "--schedule", "constant").stdout)
    assert late["stopped_by"] == "patience"
    short = json.loads(run(*options, "--max-minutes", "0.05").stdout)
    assert short["stopped_by"] == "max_minutes"
    assert short["training_seconds"] < 30


def test_whole_documents_are_read_from_a_zero_state(run: Run, book: str) -> None:
    run("preprocess", book, "--documents", "line", "-o", "lines")
    # At hardly any rate, the mean training loss is that of the first weights.
    still = ["--optimizer", "sgd", "--learning-rate", "1e-9", "--epochs", "1", "--precision", "float32"]
    options = ["--layers", "2", "--units", "12", "--batch-size", "9", "--sequence-length", "10", "--dropout", "0"]
    result = run("pretrain", "lines", "-o", "m", *options, *still, "--batching", "documents", "--json")
    dataset, model = load_dataset(Path("lines")), load_model(Path("m"))
    assert json.loads(result.stdout)["chars_trained"] == len(dataset.splits["train"])
    documents = np.split(dataset.splits["train"], dataset.documents["train"][1:])
    end = dataset.vocabulary.end_of_document
    nats = []
    for document in documents:
        network = NumpyLSTM(model.config, model.weights)
        for read, following in zip([end, *document[:-1]], document, strict=True):
            logits = network.step([int(read)])[0].astype(np.float64)
            nats.append(np.log(np.exp(logits).sum()) - logits[following])
    history = read_history(Path("m/history.csv"))
    assert history[-1].chars == len(nats)
    assert history[-1].train_nats_per_char == pytest.approx(np.mean(nats), rel=1e-6)


def test_transfer_reads_whole_documents_without_symbols_that_the_base_lacks(run: Run, base: str, words: str) -> None:
    lines = words.replace("king", "K").splitlines()[:40]
    Path("poems.txt").write_text("\n".join([*lines, "KKK", "KK"]))
    run("preprocess", "poems.txt", "--documents", "line", "-o", "poems", "--split", "1,0,0")
    options = ["-m", base, "-o", "poet", "--retrain", "1", "--epochs", "3", "--new-symbols", "drop", "--json"]
    report = json.loads(run("transfer", "poems", *options, "--batching", "documents").stdout)
    # Two documents consist of what is left out, but for their ends.
    assert report["chars_trained"] == 3 * (sum(len(line.replace("K", "")) + 1 for line in lines) + 2)
    assert json.loads(Path("poet/config.json").read_text())["training"]["frozen_cache_gb"] == 0


def test_a_text_is_evaluated_whole(run: Run, base: str, book: str, words: str) -> None:
    report = json.loads(run("evaluate", book, "-m", base, "--json").stdout)
    assert report["chars"] >= len(words) - 1
    assert report["five_gram_bits_per_char"] is None
    table = run("evaluate", "-m", base).stdout
    assert "for comparison, 5-gram" in table


def test_sample_prints_json_and_repeats_itself(run: Run, base: str) -> None:
    options = ["sample", "-m", base, "--seed", "the ki", "--length", "40", "--num-samples", "3", "--json"]
    samples = json.loads(run(*options).stdout)
    assert [set(sample) for sample in samples] == [
        {"seed", "text", "options", "log_probability_nats_per_char", "stopped_by"}
    ] * 3
    assert samples == json.loads(run(*options).stdout)
    plain = run("sample", "-m", base, "--seed", "-", "--length", "40", text="the ki").stdout
    assert plain == f"the ki{samples[0]['text']}\n"


def test_sample_warns_of_folded_symbols_and_refuses_them_under_strict(run: Run, base: str) -> None:
    assert "'T'" in run("sample", "-m", base, "--seed", "The", "--length", "3").stderr
    assert "'T'" in run("sample", "-m", base, "--seed", "The", "--strict", code=4).stderr


def test_info_describes_models_and_datasets(run: Run, base: str, book: str) -> None:
    model = json.loads(run("info", base, "--json").stdout)
    assert model["kind"] == "model"
    assert model["units"] == [12, 12]
    dataset = json.loads(run("info", f"{base}/dataset", "--json").stdout)
    assert dataset["kind"] == "dataset"
    assert set(dataset["symbols"]) == set(model["symbols"])
    shown = dict(line.split(maxsplit=1) for line in run("info", base).stdout.splitlines() if len(line.split()) > 1)
    assert shown["units"].rstrip() == "12, 12"
    # What is off, or not limited, is not shown; what is small is not rounded away.
    assert {"embedding", "training_weight_drop", "training_max_minutes"} & set(shown) == set()
    run("pretrain", book, "-o", "slow", *SMALL, "--epochs", "1", "--learning-rate", "1e-5")
    assert "training_learning_rate 1e-05" in " ".join(run("info", "slow").stdout.split())


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["transfer", "book.txt", "-m", "base", "--retrain", "0,7"], 2, "no layer 7"),
        (["transfer", "book.txt", "-m", "base", "--retrain", "none", "--freeze-head"], 2, "trains nothing"),
        (["transfer", "book.txt", "-m", "base", "--retrain", "x"], 2, "layer numbers"),
        (["transfer", "book.txt", "-m", "base/dataset"], 5, "is a dataset"),
        (["transfer", "book.txt", "-m", "book.txt"], 5, "is a file"),
        (["transfer", "book.txt", "-m", "nothing"], 5, "does not exist"),
        (["transfer", "base", "-m", "base"], 4, "is a model"),
        (["pretrain", "base", "-o", "m"], 4, "is a model"),
        (["pretrain", "book.txt", "-o", "base"], 1, "exists already"),
        (["pretrain", "book.txt", "-o", "runs/latest"], 2, "--out runs/latest: names the newest model"),
        (["pretrain", "book.txt", "-o", "runs/latest", "--resume"], 2, "--out runs/latest: names the newest model"),
        (["preprocess", "book.txt", "-o", "runs/latest"], 2, "--out runs/latest: names the newest model"),
        (["pretrain", "base/dataset", "-o", "base", "--overwrite"], 1, "base/dataset is read by the run that would"),
        (["transfer", "book.txt", "-m", "base", "-o", "base", "--overwrite"], 1, "base is read by the run that would"),
        (["pretrain", "nothing.txt", "-o", "m"], 4, "nothing.txt"),
        (["pretrain", "book.txt", "-o", "m", "--units", "8,8", "--layers", "3"], 2, "--units"),
        (["pretrain", "book.txt", "-o", "m", "--dropout", "1"], 2, "--dropout"),
        (["pretrain", "book.txt", "-o", "m", "--dropout", "0.1,0.2,0.3", "--layers", "2"], 2, "--dropout"),
        (["pretrain", "book.txt", "-o", "m", "--sequence-length", "60000"], 4, "60,000"),
        (["pretrain", "one.txt", "-o", "m"], 4, ""),
        (["pretrain", "book.txt", "-o", "m", "--batching", "documents"], 4, "needs two documents"),
        (
            ["transfer", "base/dataset", "-m", "base", "--batching", "documents", "--frozen-cache-gb", "1"],
            2,
            "must be 0 with --batching documents",
        ),
        (["pretrain", "same.txt", "-o", "m"], 4, "nothing to learn"),
        (["evaluate", "-m", "base/dataset"], 5, "is a dataset"),
        (["evaluate", "base", "-m", "base"], 4, "is a model"),
        (["sample", "-m", "base/dataset"], 5, "is a dataset"),
        (["sample"], 5, "runs/latest"),
        (["sample", "-m", "base", "--temperature", "-1"], 2, "--temperature"),
        (["sample", "-m", "base", "--temperature", "nan"], 2, "--temperature"),
        (["sample", "-m", "base", "--top-p", "0"], 2, "--top-p"),
        (["sample", "-m", "base", "--stop", ""], 2, "--stop"),
        (["info", "nothing"], 5, "does not exist"),
    ],
)
@pytest.mark.usefixtures("base", "book")
def test_bad_input_is_one_sentence_and_its_exit_code(
    run: Run, tmp_path: Path, arguments: list[str], code: int, says: str
) -> None:
    (tmp_path / "one.txt").write_text("a")
    (tmp_path / "same.txt").write_text("a" * 5000)
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments, code=code)
    assert says in result.stderr
    assert result.stderr.rstrip().splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_outputs_of_frozen_layers_are_kept_and_train_about_the_same(run: Run, base: str, book: str) -> None:
    losses = []
    for size in ("4", "0"):
        options = ["-m", base, "-o", "poet", "--overwrite", "--retrain", "1", "--dropout", "0", "--epochs", "2", *BRIEF]
        report = json.loads(run("transfer", book, *options, "--json", "--frozen-cache-gb", size).stdout)
        losses.append(report["test_nats_per_char"])
    assert losses[0] == pytest.approx(losses[1], abs=0.02)
    assert losses[0] != losses[1]


@pytest.mark.parametrize(
    ("line", "texts", "minutes", "units", "batch_size"),
    [
        (["pretrain"], ("python-manual",), 4.0, (128,), 16),
        (["pretrain", "--max-minutes", "9", "--units", "5", "--batch-size", "7"], ("python-manual",), 9.0, (5,), 7),
        (["pretrain", "--preset", "fast"], ("python-manual",), 4.0, None, None),
        (["pretrain", "--optimizer", "sgd"], ("python-manual",), 4.0, None, None),
        (["pretrain", "--schedule", "one-cycle"], ("python-manual",), 4.0, None, None),
        (["pretrain", "book.txt"], ("book.txt",), None, None, None),
        (["transfer", "-m", "base"], ("ballads",), 4.0, None, None),
    ],
)
def test_without_a_text_a_built_in_corpus_is_read_for_some_minutes(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    texts: tuple[str, ...],
    minutes: float | None,
    units: tuple[int, ...] | None,
    batch_size: int | None,
) -> None:
    asked: list[RunOptions] = []

    def stop(options: RunOptions, *rest: Any) -> None:
        asked.append(options)
        if line[0] == "pretrain":
            assert rest[0].units == units
        raise CharlstmError("far enough")

    monkeypatch.delenv("CHARLSTM_MAX_MINUTES", raising=False)
    monkeypatch.setattr(runs, line[0], stop)
    run(*line, code=1)
    training = asked[0].training
    assert (asked[0].texts, training["max_minutes"], training["batch_size"]) == (texts, minutes, batch_size)
