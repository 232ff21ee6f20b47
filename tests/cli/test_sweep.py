"""charlstm sweep: one table, however often it is stopped and however many processes share it."""

from __future__ import annotations

import contextlib
import json
import math
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main
from charlstm.experiments import begin
from charlstm.experiments.paths import is_finished, model_path, trial_path
from charlstm.experiments.plan import trials_of
from charlstm.store.lock import in_the_making, locked
from charlstm.store.model_directory import load_model
from charlstm.store.sweep_file import read_sweep
from charlstm.store.sweep_results import read_results
from charlstm.store.trial_result import RESULT, read_result

TRAINING = ["--epochs", "2", "--batch-size", "4", "--sequence-length", "10", "--dropout", "0.1"]
SUBSETS = ["--subsets", "0;none", "--seeds", "2"]
LINE = ["sweep", "poems", "-m", "base", *SUBSETS, *TRAINING]
# Losses depend on nothing but the trial; the time that it took does.
TIMES = ("training_seconds",)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, words: str) -> Path:
    """A directory with a dataset of poems, two base models of one shape, and an undisturbed sweep."""
    directory = tmp_path_factory.mktemp("prepared")
    (directory / "book.txt").write_text(words[:4000])
    lines = words.splitlines()
    (directory / "poems.txt").write_text("\n\n\n".join("\n".join(lines[at : at + 2]) for at in range(0, 120, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(directory)
        run("preprocess", "poems.txt", "--documents", "blank-lines", "--split", "0.4,0.3,0.3", "-o", "poems")
        for name, seed in (("base", "1"), ("other", "2")):
            pretrain = ["pretrain", "book.txt", "-o", name, "--layers", "2", "--units", "8", *TRAINING]
            run(*pretrain, "--random-seed", seed)
        run(*LINE, "-o", "whole", "--jobs", "1")
    return directory


@pytest.fixture(autouse=True)
def _there(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a copy of the prepared directory, so that no test sees what another does."""
    shutil.copytree(prepared, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "charlstm", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def wait_for(what: Callable[[], bool]) -> None:
    for _ in range(1200):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def outcome(directory: str) -> dict[str, dict[str, Any]]:
    """Return all results of a sweep but for their times, and the weights of its models."""
    found: dict[str, dict[str, Any]] = {}
    for trial in trials_of(read_sweep(Path(directory))):
        result = read_result(trial_path(Path(directory), trial)).to_json()
        weights = trial_path(Path(directory), trial) / "model" / "model.safetensors"
        found[trial.name] = {name: value for name, value in result.items() if name not in TIMES}
        found[trial.name]["weights"] = weights.read_bytes() if weights.exists() else b""
    return found


def test_rows_say_what_single_commands_say() -> None:
    rows = json.loads(run("sweep", "--resume", "-o", "whole", "--json").stdout)
    assert [(row["base"], row["retrained"], row["seeds"]) for row in rows] == [("base", "none", 2), ("base", "0", 2)]
    assert {"fraction", "valid_nats_per_char", "test_nats_per_char_std", "ratio_to_scratch"} <= set(rows[0])
    assert "padded_nats_per_char" not in rows[0]
    losses = []
    for seed in ("1", "2"):
        options = ["-m", "base", "-o", f"by-hand-{seed}", "--retrain", "0", "--random-seed", seed, *TRAINING, "--json"]
        report = json.loads(run("transfer", "poems", *options).stdout)
        losses.append(report["test_nats_per_char"])
        assert rows[1]["trained_parameters"] == report["trained_parameters"]
        again = Path(f"whole/trials/base_retrain-0_fraction-1_seed-{seed}/model/model.safetensors").read_bytes()
        assert Path(f"by-hand-{seed}/model.safetensors").read_bytes() == again
    assert rows[1]["test_nats_per_char"] == pytest.approx(np.mean(losses), abs=1e-6)
    assert rows[1]["test_nats_per_char_std"] == pytest.approx(np.std(losses, ddof=1), abs=1e-6)
    assert rows[1]["bits_per_char"] == pytest.approx(np.mean(losses) / math.log(2), abs=1e-5)


def test_a_new_sweep_says_nothing_but_how_far_it_is() -> None:
    line = ["sweep", "poems", "-m", "base", "-o", "s", "--subsets", "none", "--seeds", "1", *TRAINING]
    ran = subprocess.run([sys.executable, "-m", "charlstm", *line], capture_output=True, text=True, check=True)
    total, finished = ran.stderr.splitlines()
    assert total == "1 trial."
    assert finished.startswith("1/1  base none, fraction 1, seed 1: validation ")


def test_scratch_fractions_and_the_base_untouched_make_one_table() -> None:
    options = ["--scratch", "--scratch-units", "8", "--scratch-layers", "2", "--fractions", "0.5,1", "--padded-loss"]
    line = ["sweep", "poems", "-m", "base", "-o", "s", "--subsets", "1;untouched", "--seeds", "1", *options, *TRAINING]
    result = run(*line, "--jobs", "1")
    rows = read_results(Path("s/results.csv"))
    assert [row.fraction for row in rows] == [1.0] * 3 + [0.5] * 3
    assert [row.retrained for row in rows] == ["untouched", "1", "scratch 2x8"] * 2
    assert all(row.ratio_low <= row.ratio_to_scratch <= row.ratio_high for row in rows)  # type: ignore[operator]
    # Documents are of about equal length, so about all of the padded text is text.
    assert all(0.8 * row.test_nats_per_char < row.padded_nats_per_char < row.test_nats_per_char for row in rows)  # type: ignore[operator]
    evaluated = json.loads(run("evaluate", "poems", "-m", "base", "--split", "test", "--json").stdout)
    assert rows[0].test_nats_per_char == pytest.approx(evaluated["nats_per_char"], abs=1e-5)
    assert "2 of 2 models from scratch and 2 of 2 transfers were ended by --epochs" in " ".join(result.stdout.split())
    report = Path("s/report.md").read_text(encoding="utf-8")
    assert "the best transfer (layer 1)" in report
    for figure in ("subsets.png", "heat-map.png", "fractions.png"):
        assert f"({figure})" in report
        assert Path("s", figure).read_bytes().startswith(b"\x89PNG")
    half = json.loads(run("info", "s/datasets/fraction-0.5", "--json").stdout)
    assert rows[3].train_chars == half["train_characters"]
    assert abs(rows[3].train_chars - rows[0].train_chars / 2) < 100


def test_two_that_start_at_once_share_a_sweep_and_one_goes_on_where_the_other_is_killed() -> None:
    sweeps = [start(*LINE, "-o", "shared", "--resume", "--jobs", "1", "--json") for _ in range(2)]
    wait_for(lambda: any(Path("shared").glob(f"trials/*/{RESULT}")))
    finished = {path: path.stat().st_mtime_ns for path in Path("shared").glob(f"trials/*/{RESULT}")}
    assert len(finished) < 4
    sweeps[0].kill()
    sweeps[0].communicate()
    printed = sweeps[1].communicate(timeout=100)[0]
    assert sweeps[1].returncode == 0
    assert outcome("shared") == outcome("whole")
    assert all(path.stat().st_mtime_ns == written for path, written in finished.items())
    assert json.loads(printed) == json.loads(run("sweep", "--resume", "-o", "shared", "--json").stdout)


def test_two_processes_run_each_trial_once() -> None:
    sweeps = [start(*LINE, "-o", "shared", "--resume", "--jobs", "1") for _ in range(2)]
    first_seen: dict[Path, int] = {}
    while any(sweep.poll() is None for sweep in sweeps):
        for path in Path("shared").glob(f"trials/*/{RESULT}"):
            first_seen.setdefault(path, path.stat().st_mtime_ns)
        time.sleep(0.01)
    for sweep in sweeps:
        sweep.communicate()
    assert [sweep.returncode for sweep in sweeps] == [0, 0]
    assert len(first_seen) == 4
    assert all(path.stat().st_mtime_ns == written for path, written in first_seen.items())


def test_a_trial_of_which_a_kill_left_a_part_begins_again() -> None:
    expected = outcome("whole")
    half_removed = Path("whole/trials/base_retrain-0_fraction-1_seed-1")
    (half_removed / RESULT).unlink()
    shutil.rmtree(half_removed / "model" / "checkpoints")
    (half_removed / "model" / "run.json").unlink()
    run("sweep", "--resume", "-o", "whole", "--jobs", "1")
    assert outcome("whole") == expected


def test_a_sweep_of_the_newest_model_names_it() -> None:
    shutil.copytree("base", "runs/newest")
    Path("runs/latest").symlink_to("newest")
    run("sweep", "poems", "-o", "s", "--subsets", "untouched", "--jobs", "1", *TRAINING)
    assert commands_of("s")[0].startswith("charlstm sweep poems -m runs/newest --out s ")
    run("sweep", "poems", "-m", "runs/latest", "-o", "t", "--subsets", "untouched", "--jobs", "1", *TRAINING)
    assert commands_of("t")[0].startswith("charlstm sweep poems -m runs/newest --out t ")
    assert [base.path for base in read_sweep(Path("t")).bases] == ["runs/newest"]


def test_a_sweep_that_another_process_is_making_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["sweep", "poems", "-m", "base", "--subsets", "untouched", "--jobs", "1", *TRAINING, "-o", "out"]
    Path(".out.abcd1234.tmp").mkdir()
    with contextlib.ExitStack() as other:
        other.enter_context(in_the_making(Path(".out.abcd1234.tmp")))
        assert "another process is making out" in run(*line, code=1).stderr
        waited = []
        monkeypatch.setattr(begin.time, "sleep", lambda seconds: (waited.append(seconds), other.close()))
        run(*line, "--resume")
    assert waited == [begin.WAIT_SECONDS]


def test_workers_stop_in_order_and_give_the_same_results() -> None:
    expected = outcome("whole")
    for path in Path("whole/trials").iterdir():
        shutil.rmtree(path)
    sweep = start("sweep", "--resume", "-o", "whole", "--jobs", "2")
    wait_for(lambda: any(Path("whole").glob("trials/*/model/checkpoints/step-*")))
    sweep.send_signal(signal.SIGTERM)
    sweep.communicate(timeout=60)
    assert sweep.returncode == 143
    for path in Path("whole/trials").iterdir():
        with locked(path):  # no worker is left behind
            assert not list(path.glob("model/*.tmp"))
    run("sweep", "--resume", "-o", "whole", "--jobs", "1")
    assert outcome("whole") == expected


def test_a_worker_that_fails_ends_the_sweep_and_leaves_the_other_results() -> None:
    broken = Path("whole/trials/base_retrain-none_fraction-1_seed-2")
    (broken / RESULT).unlink()
    (broken / "model" / "run.json").write_text("{}")
    result = run("sweep", "--resume", "-o", "whole", "--jobs", "2", code=5)
    assert "run.json" in result.stderr
    finished = [is_finished(Path("whole"), trial) for trial in trials_of(read_sweep(Path("whole")))]
    assert finished.count(True) == 3


def test_more_seeds_extend_a_sweep() -> None:
    before = outcome("whole")
    rows = json.loads(run("sweep", "--resume", "-o", "whole", "--seeds", "3", "--jobs", "1", "--json").stdout)
    assert [row["seeds"] for row in rows] == [3, 3]
    after = outcome("whole")
    assert len(after) == 6
    assert {name: after[name] for name in before} == before
    assert " --seeds 3 " in commands_of("whole")[0]


def commands_of(directory: str) -> list[str]:
    """Return the commands of a sweep's report, without what they are for."""
    report = Path(directory, "report.md").read_text()
    return [line.split("  #")[0] for line in report.split("```")[1].splitlines()[1:]]


def test_the_commands_of_a_report_make_it() -> None:
    shown = commands_of("whole")
    assert "--padded-loss" not in shown[0]
    run("sweep", "--resume", "-o", "whole", "--padded-loss")
    begun, again, by_hand, sample = (shlex.split(line)[1:] for line in commands_of("whole"))
    report = Path("whole", "report.md").read_text()
    assert "padded" in report
    run(*again)
    assert Path("whole", "report.md").read_text() == report
    Path("whole").rename("before")
    run(*begun, "--jobs", "1")
    assert outcome("whole") == outcome("before")
    run(*by_hand)
    run(*sample)


def test_the_order_in_which_subsets_are_named_is_no_matter() -> None:
    run("sweep", "--resume", "-o", "whole", "--subsets", "none;0")
    refused = " ".join(run("sweep", "--resume", "-o", "whole", "--subsets", "all;0", code=2).stderr.split())
    assert "--subsets would change the sweep, for which it is 0;none" in refused


def test_a_time_limit_of_the_environment_is_for_sweeps_that_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHARLSTM_MAX_MINUTES", "5")
    run("sweep", "--resume", "-o", "whole")
    assert "--max-minutes would change" in run("sweep", "--resume", "-o", "whole", "--max-minutes", "5", code=2).stderr


def test_a_base_that_looks_further_ahead_does_not_fit() -> None:
    ahead = ["pretrain", "book.txt", "-o", "ahead", "--layers", "1", "--units", "4", "--target-offset", "5", *TRAINING]
    run(*ahead)
    refused = " ".join(run("sweep", "poems", "-m", "ahead", "-o", "s", *SUBSETS, code=5).stderr.split())
    assert "ahead predicts what stands 5 characters ahead" in refused
    assert not Path("s").exists()


def test_a_sweep_that_is_not_finished_cannot_be_drawn_yet() -> None:
    Path("whole", "results.csv").unlink()
    refused = " ".join(run("plot", "whole", code=5).stderr.split())
    assert "whole is a sweep that is not finished: charlstm sweep --resume -o whole goes on with it" in refused


def test_going_on_with_a_finished_sweep_needs_nothing_but_its_directory() -> None:
    expected = run("sweep", "--resume", "-o", "whole").stdout
    for name in ("base", "poems", "poems.txt"):
        path = Path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert run("sweep", "--resume", "-o", "whole").stdout == expected
    code = (
        "import sys\nfrom charlstm.cli.main import main\n"
        "try: main(['sweep', '--resume', '-o', 'whole'])\nexcept SystemExit as end: assert not end.code, end.code\n"
        "sys.exit('imports TensorFlow' if 'tensorflow' in sys.modules else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--subsets", ""], 2, "--subsets"),
        (["--subsets", "0;7"], 2, "no layer 7"),
        (["--subsets", "0;x"], 2, "--subsets 'x'"),
        (["--subsets", "none", "--freeze-head"], 2, "trains nothing"),
        (["--scratch", "--scratch-units", ""], 2, "--scratch-units"),
        (["--scratch", "--scratch-layers", "0"], 2, "--scratch-layers 0"),
        (["--scratch-units", "8"], 2, "--scratch"),
        (["--seeds", "0"], 2, "--seeds"),
        (["--fractions", "0"], 2, "--fractions 0"),
        (["--fractions", "1.5"], 2, "--fractions 1.5"),
        (["--fractions", "1,0.01", "--batch-size", "20"], 4, "--fractions 0.01 leaves"),
        (["--fractions", "0.5,0.501"], 4, "give the same"),
        (["--dropout", "0.1,0.2,0.3"], 2, "--dropout"),
        (["--precision", "bfloat16", "--sequence-length", "300"], 2, "--precision bfloat16: without a GPU"),
        (["-m", "base"], 2, "the same model"),
        (["-m", "nothing"], 5, "does not exist"),
        (["-m", "poems"], 5, "is a dataset"),
        (["-o", "whole"], 2, "whole holds a sweep: give --resume"),
        (["-o", "base"], 1, "exists already"),
        (["-o", "base", "--resume"], 5, "no sweep in it"),
        (["-o", "whole", "--resume", "--overwrite"], 2, "give one of them"),
        (["-o", "whole", "--resume", "--learning-rate", "1"], 2, "--learning-rate would change the sweep"),
        (["-o", "whole", "--resume", "--scratch"], 2, "--scratch would change the sweep"),
        (["-o", "whole", "--resume", "--seeds", "1"], 2, "--seeds would change the sweep, for which it is 2"),
        (["-o", "whole", "--resume", "--fractions", "0.5"], 2, "--fractions would change the sweep"),
    ],
)
def test_bad_input_is_one_sentence_and_its_exit_code(arguments: list[str], code: int, says: str) -> None:
    before = sorted(Path().rglob("*"))
    result = run(*LINE, "-o", "s", *arguments, code=code)
    assert says in result.stderr
    assert result.stderr.rstrip().splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--seeds", "9000", "--fractions", "1,0.9,0.8,0.7,0.6,0.5"], "108,000"),
        (["--seeds", "9000", "--fractions", "1,0.9,0.8", "--subsets", "all"], "108,001"),
    ],
)
def test_too_many_trials_are_refused_before_any_is_named(
    arguments: list[str], count: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begin, "trials_of", None)
    result = run(*LINE, "-o", "s", *arguments, code=2)
    assert f"--seeds 9000 makes {count} trials in all; at most 100,000 are run" in result.stderr
    assert not Path("s").exists()


def test_another_text_or_base_is_not_that_of_the_sweep() -> None:
    on_another_text = ["sweep", "book.txt", "-m", "base", "-o", "whole", "--resume"]
    assert "is not the text that the sweep in whole was begun with (poems)" in run(*on_another_text, code=4).stderr
    on_another_base = ["sweep", "poems", "-m", "other", "-o", "whole", "--resume"]
    assert "other: not the base models" in run(*on_another_base, code=5).stderr
    (Path("whole") / "sweep.json").write_text("{}")
    assert "sweep.json" in run("sweep", "--resume", "-o", "whole", code=5).stderr


def test_a_text_without_validation_or_test_is_refused() -> None:
    run("preprocess", "poems.txt", "--documents", "blank-lines", "--split", "0.9,0.1,0", "-o", "untested")
    assert "to compare on in its test split" in run("sweep", "untested", "-m", "base", "-o", "s", code=4).stderr


def test_several_bases_become_columns() -> None:
    line = ["sweep", "poems", "-m", "base", "-m", "other", "-o", "s", "--subsets", "0", "--seeds", "1", *TRAINING]
    result = run(*line, "--jobs", "1")
    assert [row.base for row in read_results(Path("s/results.csv"))] == ["base", "other"]
    assert "base: validation / test" in result.stdout
    assert "is the best base, then" in result.stdout


def test_the_methods_of_the_literature_apply_to_every_trial() -> None:
    methods = ["--schedule", "step", "--decay-epochs", "0.5,1", "--locked-dropout", "--layer-rates", "0.01,0.02"]
    line = ["sweep", "poems", "-m", "base", "-o", "out", "--subsets", "none", "--seeds", "1", "--jobs", "1", *TRAINING]
    run(*line, *methods)
    sweep = read_sweep(Path("out"))
    assert sweep.training["decay_epochs"] == [0.5, 1.0]
    assert "decay" not in sweep.training
    (trial,) = trials_of(sweep)
    trained = load_model(model_path(Path("out"), trial)).training
    assert (trained["decay_epochs"], trained["layer_rates"], trained["locked_dropout"]) == (
        [0.5, 1],
        [0.01, 0.02],
        True,
    )
    assert "--decay-epochs 0.5,1.0 --locked-dropout" in " ".join(Path("out", "report.md").read_text().split())
    run("sweep", "--resume", "-o", "out", "--jobs", "1", *methods, "--decay", "0.85")
    run("sweep", "--resume", "-o", "out", "--jobs", "1", "--decay", "0.5", code=2)
    refused = run(*line[:4], "-o", "none", "--subsets", "none", *TRAINING, "--layer-rates", "1", code=2).stderr
    assert "--layer-rates 1: needs a value for each of the 2 LSTM layers" in refused
    assert not Path("none").exists()


def test_long_sequences_are_in_float32_where_the_precision_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charlstm.training.precision.processor_has_bfloat16", lambda: True)
    line = ["sweep", "poems", "-m", "base", "--subsets", "none", "--seeds", "1", "--jobs", "1", "--epochs", "1"]
    run(*line, "--sequence-length", "300", "-o", "out")
    (trial,) = trials_of(read_sweep(Path("out")))
    assert load_model(model_path(Path("out"), trial)).training["precision"] == "float32"


def test_layers_are_unfrozen_one_after_the_other_where_there_are_several() -> None:
    line = ["sweep", "poems", "-m", "base", "--subsets", "none;all", "--seeds", "1", "--jobs", "1", *TRAINING]
    line += ["--scratch", "--scratch-units", "8", "--scratch-layers", "2", "--unfreeze", "gradual"]
    refused = run(*line, "-o", "out", code=2).stderr
    assert "--unfreeze gradual has 3 phases" in " ".join(refused.split())
    assert not Path("out").exists()
    run(*line, "-o", "out", "--epochs", "3")
    trials = trials_of(read_sweep(Path("out")))
    trained = {trial.retrained: load_model(model_path(Path("out"), trial)).training for trial in trials}
    assert {name: (each["unfreeze"], each["phase_epochs"]) for name, each in trained.items()} == {
        "none": ("none", []),
        "all": ("gradual", [1, 1]),
        "scratch 2x8": ("none", []),
    }


def test_what_is_chosen_by_size_is_chosen_for_each_trial_unless_it_is_given() -> None:
    line = ["sweep", "poems", "-m", "base", "--subsets", "none", "--seeds", "1", "--jobs", "1", *TRAINING]
    line += ["--scratch", "--scratch-units", "128", "--scratch-layers", "1"]
    run(*line, "-o", "chosen")
    run(*line, "-o", "given", "--weight-drop", "0")
    for name, of_scratch in (("chosen", 0.5), ("given", 0.0)):
        trials = {trial.kind: trial for trial in trials_of(read_sweep(Path(name)))}
        dropped = {
            kind: load_model(model_path(Path(name), trial)).training["weight_drop"] for kind, trial in trials.items()
        }
        assert dropped == {"scratch": of_scratch, "transfer": 0.0}
    refused = run("sweep", "--resume", "-o", "chosen", "--weight-drop", "0.5", code=2).stderr
    assert "--weight-drop would change the sweep, for which it was chosen by size" in " ".join(refused.split())
    run("sweep", "--resume", "-o", "given", "--weight-drop", "0")


def test_what_would_stop_a_trial_is_found_beforehand_in_the_networks_of_the_bases() -> None:
    embedded = [
        "pretrain",
        "book.txt",
        "-o",
        "embedded",
        "--layers",
        "1",
        "--units",
        "8",
        "--embedding",
        "8",
        *TRAINING,
    ]
    run(*embedded, "--epochs", "1")
    line = ["sweep", "poems", "--subsets", "none", "--seeds", "1", "--jobs", "1", *TRAINING, "--epochs", "1"]
    run(*line, "-m", "embedded", "-o", "out", "--input-dropout", "0.1")
    assert "are one-hot" in run(*line, "-m", "base", "-o", "none", "--input-dropout", "0.1", code=2).stderr
    documents = ["-m", "base", "-o", "none", "--batching", "documents", "--fractions", "1,0.02"]
    assert "--fractions 0.02 leaves 1 document" in run(*line, *documents, code=4).stderr
    assert not Path("none").exists()
