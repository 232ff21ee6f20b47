"""A run can be stopped at any instant and goes on to the bit."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner, Result
from safetensors.numpy import load_file

from charlstm.cli import progress
from charlstm.cli.main import main
from charlstm.store.checkpoints import Checkpoint
from charlstm.store.lock import locked
from charlstm.store.run_file import read_run
from charlstm.training import execution, presets
from charlstm.training.loop import Trainer

OPTIONS = [
    *["--layers", "2", "--units", "10", "--batch-size", "4", "--sequence-length", "20", "--dropout", "0.3"],
    *["--epochs", "3", "--warmup-steps", "10"],
]


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("book.txt").write_text(words[:6000])


@pytest.fixture
def step_by_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Make the next trainings take one step to a call, so that they look for a signal after each."""
    return lambda: monkeypatch.setattr(Trainer, "_next_steps", lambda self: [self._inputs_of(self.position.step, 1)])


@pytest.fixture
def stop_after(monkeypatch: pytest.MonkeyPatch, step_by_step: Callable[[], None]) -> Callable[[int], list[int]]:
    """Make the next training take a SIGTERM after it has looked for one so often; gives what is left of that."""

    def arrange(steps: int, *, is_step_by_step: bool = True) -> list[int]:
        if is_step_by_step:
            step_by_step()
        left = [steps]

        @contextlib.contextmanager
        def requests() -> Iterator[Callable[[], int | None]]:
            def asked() -> int | None:
                left[0] -= 1
                return signal.SIGTERM if left[0] < 0 else None

            yield asked

        monkeypatch.setattr(execution, "stop_requests", requests)
        return left

    return arrange


def results(model: str) -> tuple[bytes, list[list[str]]]:
    """Return the weights, and the history without the column of times."""
    rows = [line.split(",") for line in Path(model, "history.csv").read_text().splitlines()]
    return Path(model, "model.safetensors").read_bytes(), [row[:3] + row[4:] for row in rows]


PLAIN = ["--optimizer", "sgd", "--clip-norm", "0", "--schedule", "constant"]
VARIANTS = {
    "adam, cosine": [],
    "rmsprop, constant": ["--optimizer", "rmsprop", "--schedule", "constant"],
    "sgd, plateau": ["--optimizer", "sgd", "--schedule", "plateau", "--learning-rate", "9", "--decay", "0.5"],
    "rates, norms and decay by layer": [
        *["--layer-rate-decay", "2.6", "--clip-norm", "0.1,0.2", "--weight-decay", "0.01"],
    ],
    "regularised, embedded and tied": [
        *["--embedding", "10", "--tie-weights", "--locked-dropout", "--input-dropout", "0.1", "--weight-drop", "0.5"],
        *["--embedding-dropout", "0.1", "--activation-regularization", "2"],
        *["--temporal-activation-regularization", "1"],
    ],
    "gradual": ["--gradual"],
    "nt-asgd": ["--optimizer", "nt-asgd", "--learning-rate", "9", "--non-monotone", "0"],
    "random lengths, further ahead": ["--random-lengths", "--target-offset", "3", "--sequence-length", "6"],
    "sgd, dropout list": ["--optimizer", "sgd", "--dropout", "0.1,0.5"],
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopping_and_going_on_changes_no_bit(variant: str, stop_after: Callable[[int], list[int]]) -> None:
    options = [*OPTIONS, *VARIANTS[variant]]
    run("pretrain", "book.txt", "-o", "whole", *options)
    for steps in (1, 40, 70, 10_000):
        stop_after(steps)
        code = 143 if steps < 10_000 else 0
        result = run("pretrain", "book.txt", "-o", "parts", *options, "--resume", code=code)
        if code:
            assert "go on with: charlstm pretrain --resume -o parts" in result.stderr
    assert results("parts") == results("whole")


def test_a_stop_between_calls_of_several_steps_changes_no_bit(stop_after: Callable[..., list[int]]) -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    stop_after(3, is_step_by_step=False)
    run("pretrain", "book.txt", "-o", "parts", *OPTIONS, code=143)
    assert json.loads((max(Path("parts/checkpoints").glob("step-*")) / "position.json").read_text())["step"] > 10
    stop_after(10_000)
    run("pretrain", "--resume", "-o", "parts")
    assert results("parts") == results("whole")


def test_a_run_goes_on_to_the_bit_on_another_number_of_cores(
    stop_after: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # 64 rows of 128 units: sums of a part are rounded otherwise than those of the whole.
    options = ["--layers", "1", "--units", "128", "--batch-size", "64", "--sequence-length", "5", "--epochs", "2"]
    for name, cores in (("whole", 2), ("one", 1)):
        monkeypatch.setattr(presets, "cores", lambda cores=cores: cores)
        run("pretrain", "book.txt", "-o", name, *options)
    assert read_run(Path("whole")).training.cores == 2
    assert read_run(Path("one")).training.cores == 1
    for steps, cores in ((7, 2), (9, 1), (10_000, 8)):
        monkeypatch.setattr(presets, "cores", lambda cores=cores: cores)
        stop_after(steps)
        run("pretrain", "book.txt", "-o", "parts", *options, "--resume", code=143 if steps < 10_000 else 0)
    assert results("parts") == results("whole")


def test_batches_of_whole_documents_go_on_to_the_bit(stop_after: Callable[[int], list[int]]) -> None:
    run("preprocess", "book.txt", "--documents", "line", "-o", "lines")
    options = [*OPTIONS, "--batching", "documents", "--sequence-length", "7", "--batch-size", "9", "--epochs", "2"]
    run("pretrain", "lines", "-o", "whole", *options)
    # A batch takes five to seven steps, so that a stop falls among its documents more often than behind them.
    for steps in (3, 40, 10_000):
        stop_after(steps)
        run("pretrain", "lines", "-o", "parts", *options, "--resume", code=143 if steps < 10_000 else 0)
    assert results("parts") == results("whole")


def test_a_transfer_with_frozen_layers_and_new_symbols_goes_on_to_the_bit(
    stop_after: Callable[[int], list[int]],
) -> None:
    run("pretrain", "book.txt", "-o", "base", *OPTIONS, "--epochs", "1")
    Path("poem.txt").write_text(Path("book.txt").read_text().replace("king", "Queen"))
    options = ["-m", "base", "--retrain", "1", "--dropout", "0.2", "--epochs", "2", "--batch-size", "4"]
    run("transfer", "poem.txt", "-o", "whole", *options)
    stop_after(25)
    run("transfer", "poem.txt", "-o", "parts", *options, code=143)
    assert json.loads((max(Path("parts/checkpoints").glob("step-*")) / "position.json").read_text())["step"] > 0
    shutil.rmtree("base")
    stop_after(10_000)
    run("transfer", "--resume", "-o", "parts")
    assert results("parts") == results("whole")
    whole, parts = (json.loads(Path(name, "config.json").read_text())["result"] for name in ("whole", "parts"))
    assert parts["base_test_nats_per_char"] == whole["base_test_nats_per_char"]


def test_gradual_unfreezing_goes_on_to_the_bit(stop_after: Callable[[int], list[int]]) -> None:
    run("pretrain", "book.txt", "-o", "base", *OPTIONS, "--epochs", "1")
    options = ["-m", "base", "--unfreeze", "gradual", "--epochs", "4", "--batch-size", "8", "--sequence-length", "20"]
    run("transfer", "book.txt", "-o", "whole", *options)
    for steps in (30, 1, 40, 10_000):  # an epoch, and so a phase, has 30
        stop_after(steps)
        run("transfer", "book.txt", "-o", "parts", *options, "--resume", code=143 if steps < 10_000 else 0)
    assert results("parts") == results("whole")


def test_a_stop_is_heard_wherever_a_run_takes_its_time(stop_after: Callable[[int], list[int]]) -> None:
    run("pretrain", "book.txt", "-o", "base", *OPTIONS, "--dropout", "0", "--epochs", "1")
    options = ["-m", "base", "--retrain", "1", "--dropout", "0", "--epochs", "1", "--batch-size", "40"]
    left = stop_after(10**6)
    run("transfer", "book.txt", "-o", "whole", *options)
    looks = 10**6 - left[0]
    # While the base is scored, while the outputs of the frozen layer are computed, and while the result is scored.
    for number, look in enumerate((0, 1, looks - 1)):
        out = f"parts-{number}"
        stop_after(look)
        stopped = run("transfer", "book.txt", "-o", out, *options, code=143)
        assert f"go on with: charlstm transfer --resume -o {out}" in " ".join(stopped.stderr.split())
        assert not Path(out, "config.json").exists()
        stop_after(10**6)
        run("transfer", "--resume", "-o", out)
        assert results(out) == results("whole")


def test_the_newest_checkpoint_that_verifies_is_taken(stop_after: Callable[[int], list[int]]) -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    for steps in (90, 40):
        stop_after(steps)
        run("pretrain", "book.txt", "-o", "parts", *OPTIONS, "--resume", code=143)
    newest = max(Path("parts/checkpoints").glob("step-*")) / "current.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"!")
    stop_after(10_000)
    assert "is not used" in run("pretrain", "--resume", "-o", "parts").stderr
    assert results("parts") == results("whole")


def test_a_finished_run_ends_at_once_and_can_be_extended() -> None:
    line = ["pretrain", "book.txt", "-o", "m", *OPTIONS, "--resume", "--json"]
    first = json.loads(run(*line).stdout)
    before = results("m")
    assert json.loads(run(*line).stdout) == first
    assert results("m") == before
    extended = json.loads(run("pretrain", "--resume", "-o", "m", "--epochs", "4", "--json").stdout)
    assert extended["epochs"] == 4
    assert results("m")[1][:4] == before[1]


def test_a_run_that_is_killed_at_its_very_end_becomes_the_newest_model(monkeypatch: pytest.MonkeyPatch) -> None:
    run("pretrain", "book.txt", *OPTIONS, "--epochs", "1")
    write = execution.CheckpointKeeper.write

    def killed_after_the_last(keeper: execution.CheckpointKeeper, checkpoint: Checkpoint) -> None:
        write(keeper, checkpoint)
        if checkpoint.position["is_finished"]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(execution.CheckpointKeeper, "write", killed_after_the_last)
        run("pretrain", "book.txt", *OPTIONS, "--epochs", "1", code=130)
    run("pretrain", "--resume", "-o", "runs/pretrain-2")
    assert os.readlink("runs/latest") == "pretrain-2"


def test_the_newest_model_goes_on_under_its_own_name(stop_after: Callable[[int], list[int]]) -> None:
    run("pretrain", "book.txt", *OPTIONS, "--epochs", "1")
    stop_after(3)
    stopped = run("pretrain", "--resume", "-o", "runs/latest", "--epochs", "2", code=143)
    assert "go on with: charlstm pretrain --resume -o runs/pretrain-1" in " ".join(stopped.stderr.split())
    stop_after(10_000)
    run("pretrain", "--resume", "-o", "runs/latest")
    assert os.readlink("runs/latest") == "pretrain-1"
    assert json.loads(run("info", "--json").stdout)["epochs"] == 2


def test_a_time_limit_of_the_environment_is_for_runs_that_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["pretrain", "book.txt", "-o", "m", *OPTIONS, "--resume", "--json"]
    first = json.loads(run(*line).stdout)
    monkeypatch.setenv("CHARLSTM_MAX_MINUTES", "5")
    assert json.loads(run(*line).stdout) == first
    assert "would shorten the run" in run(*line, "--max-minutes", "5", code=2).stderr
    run("pretrain", "book.txt", "-o", "limited", *OPTIONS, "--resume")
    assert read_run(Path("limited")).training.max_minutes == 5


def test_what_watches_a_run_is_told_of_its_end_however_that_comes(
    monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], list[int]]
) -> None:
    told: dict[int, bool] = {}

    class Watching(progress._LineObserver):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.number = len(told)
            told[self.number] = False

        def ended(self) -> None:
            told[self.number] = True

    monkeypatch.setattr(progress, "_LineObserver", Watching)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS)
    run("pretrain", "--resume", "-o", "m")
    with monkeypatch.context() as patched:
        patched.setattr(execution.CheckpointKeeper, "write", _interrupted)
        run("pretrain", "book.txt", "-o", "early", *OPTIONS, code=130)
    run("pretrain", "book.txt", "-o", "phases", *OPTIONS, "--gradual")
    stop_after(3)
    run("pretrain", "book.txt", "-o", "stopped", *OPTIONS, code=143)
    assert len(told) == 6
    assert all(told.values())


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_extension_of_a_run_that_patience_ended_has_patience_again() -> None:
    # Where nothing is learnt, no evaluation is better than the first.
    still = ["--learning-rate", "1e-30", "--patience", "2", "--epochs", "9"]
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, *still)
    before = results("m")[1]
    extended = json.loads(run("pretrain", "--resume", "-o", "m", "--epochs", "10", "--json").stdout)
    assert extended["stopped_by"] == "patience"
    assert len(results("m")[1]) == len(before) + 2


@pytest.mark.parametrize("operation", ["write_run", "CheckpointKeeper.write"])
def test_an_extension_is_not_lost_to_a_kill(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run("pretrain", "book.txt", "-o", "m", *OPTIONS)
    shutil.copytree("m", "whole")
    run("pretrain", "--resume", "-o", "whole", "--epochs", "4")
    owner, name = (execution, operation) if "." not in operation else (execution.CheckpointKeeper, "write")
    genuine = getattr(owner, name)

    def killed_after(*arguments: object) -> None:
        genuine(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killed_after)
        run("pretrain", "--resume", "-o", "m", "--epochs", "4", code=130)
    assert json.loads(run("pretrain", "--resume", "-o", "m", "--epochs", "4", "--json").stdout)["epochs"] == 4
    assert results("m") == results("whole")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--units", "12"], "--units would change the run"),
        (["--learning-rate", "0.5"], "--learning-rate would change the run"),
        (["--random-seed", "9"], "--random-seed would change the run"),
        (["--epochs", "2"], "--epochs 2 would shorten the run"),
        (["--overwrite"], "give one of them"),
        (["other.txt"], "goes on with book.txt"),
    ],
)
def test_an_option_that_would_change_the_run_is_refused(
    change: list[str], says: str, stop_after: Callable[[int], list[int]]
) -> None:
    stop_after(3)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    assert says in run("pretrain", "--resume", "-o", "m", *change, code=2).stderr


def test_a_text_that_has_changed_is_refused(stop_after: Callable[[int], list[int]]) -> None:
    stop_after(3)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    Path("book.txt").write_text("another text altogether")
    assert "book.txt has changed" in run("pretrain", "--resume", "-o", "m", code=4).stderr


def test_whether_a_text_has_changed_does_not_depend_on_where_one_stands(
    stop_after: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("preprocess", "book.txt", "-o", "set")
    stop_after(3)
    run("pretrain", "book.txt", "-o", "of-the-text", *OPTIONS, code=143)
    stop_after(3)
    run("pretrain", str(Path("set").absolute()), "-o", "of-the-set", *OPTIONS, code=143)
    Path("book.txt").write_text("another text altogether")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    stop_after(10_000)
    assert "book.txt has changed" in run("pretrain", "--resume", "-o", "../of-the-text", code=4).stderr
    run("pretrain", "--resume", "-o", "../of-the-set")


def test_an_extension_before_the_first_checkpoint_is_kept(stop_after: Callable[[int], list[int]]) -> None:
    stop_after(3)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    shutil.rmtree("m/checkpoints")
    stop_after(3)
    run("pretrain", "--resume", "-o", "m", "--epochs", "7", code=143)
    assert read_run(Path("m")).training.epochs == 7


def test_a_limit_of_time_is_no_extension_of_a_run_without_one(stop_after: Callable[[int], list[int]]) -> None:
    stop_after(3)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    refused = run("pretrain", "--resume", "-o", "m", "--max-minutes", "1", code=2).stderr
    assert "--max-minutes 1 would shorten the run, which has no limit" in refused


def test_resume_needs_an_out_directory_with_a_run(tmp_path: Path) -> None:
    assert "needs the model directory" in run("pretrain", "--resume", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert "no run in it" in run("pretrain", "--resume", "-o", "empty", code=5).stderr


def test_two_processes_cannot_work_on_one_directory(stop_after: Callable[[int], list[int]]) -> None:
    stop_after(3)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    with locked(Path("m")):
        assert "another process" in run("pretrain", "--resume", "-o", "m", code=1).stderr
        assert "another process" in run("pretrain", "book.txt", "-o", "m", "--overwrite", *OPTIONS, code=1).stderr
        assert "another process" in run("preprocess", "book.txt", "-o", "m", "--overwrite", code=1).stderr
    stop_after(10_000)
    run("pretrain", "--resume", "-o", "m")


def test_a_sweep_whose_trials_are_at_work_is_not_replaced() -> None:
    Path("sweep/trials/one").mkdir(parents=True)
    Path("sweep/sweep.json").touch()
    with locked(Path("sweep/trials/one")):
        assert "another process" in run("preprocess", "book.txt", "-o", "sweep", "--overwrite", code=1).stderr
    run("preprocess", "book.txt", "-o", "sweep", "--overwrite")
    assert not Path("sweep/trials").exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_takes_nothing_any_more_ends_the_run_and_keeps_the_checkpoint(
    number: int, monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], list[int]]
) -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    stop_after(90)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    stop_after(10_000)

    def full(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "m/checkpoints")

    with monkeypatch.context() as patched:
        patched.setattr("charlstm.store.checkpoints.save_arrays", full)
        refused = " ".join(run("pretrain", "--resume", "-o", "m", code=1).stderr.split())
        assert f"m/checkpoints: {os.strerror(number)}: " in refused
        assert "what was written whole still stands" in refused
    run("pretrain", "--resume", "-o", "m")
    assert results("m") == results("whole")


def test_memory_that_runs_out_is_said_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], list[int]]
) -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    stop_after(90)
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    stop_after(10_000)

    def exhausted(*_: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_train_some_steps", exhausted)
        refused = " ".join(run("pretrain", "--resume", "-o", "m", code=1).stderr.split())
        assert "begin again with a smaller --batch-size or fewer --units" in refused
        assert refused.endswith("charlstm pretrain --resume -o m")
    run("pretrain", "--resume", "-o", "m")
    assert results("m") == results("whole")


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "charlstm", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def wait_for(what: Callable[[], bool]) -> None:
    while not what():
        time.sleep(0.1)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)])
def test_a_signal_ends_a_run_in_order(number: signal.Signals, code: int) -> None:
    training = start("pretrain", "book.txt", "-o", "m", *OPTIONS, "--epochs", "100000", "--patience", "0")
    wait_for(lambda: len(list(Path("m/checkpoints").glob("step-*"))) == 2)
    os.kill(training.pid, number)
    assert training.wait() == code
    assert not Path("m/config.json").exists()
    run_file = read_run(Path("m"))
    assert (Path("m/checkpoints") / Path("m/checkpoints/LATEST").read_text().strip()).is_dir()
    assert run_file.training.epochs == 100_000


@pytest.mark.parametrize("closes", ["a pipe", "a terminal"])
def test_a_training_goes_on_when_nobody_reads_what_it_says(closes: str) -> None:
    ours, its = os.pipe() if closes == "a pipe" else os.openpty()
    line = [sys.executable, "-m", "charlstm", "pretrain", "book.txt", "-o", "m", *OPTIONS]
    line += ["--epochs", "100000", "--patience", "0"]
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=its) as training:
        os.close(its)
        said = b""
        while b"epoch   1.00" not in said:
            said += os.read(ours, 4096)
        os.close(ours)
        newest = Path("m/checkpoints/LATEST")
        before = newest.read_text()
        wait_for(lambda: newest.read_text() != before)
        before = newest.read_text()
        wait_for(lambda: newest.read_text() != before)
        os.kill(training.pid, signal.SIGHUP)
        assert training.wait() == 143


@pytest.mark.parametrize(("second", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 143)])
def test_the_second_signal_ends_the_process_at_once(second: str, code: int) -> None:
    program = (
        "import os, signal, sys\nfrom charlstm.training.signals import stop_requests\n"
        "with stop_requests() as asked:\n"
        "    assert asked() is None\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    assert asked() == signal.SIGTERM\n"
        "    try:\n"
        f"        os.kill(os.getpid(), signal.{second})\n"
        "    finally:\n"
        "        print('not at once')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "")


def test_killed_at_random_instants_a_run_ends_as_if_undisturbed() -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    random = np.random.default_rng()
    line = ["pretrain", "book.txt", "-o", "m", *OPTIONS, "--checkpoint-minutes", "0.001", "--resume"]
    for _ in range(5):
        training = start(*line)
        with contextlib.suppress(subprocess.TimeoutExpired):
            training.wait(timeout=float(random.uniform(2, 7)))
        training.kill()
        training.wait()
    run(*line)
    assert results("m") == results("whole")


def test_steps_that_are_not_finite_roll_back_and_then_end_the_run() -> None:
    result = run("pretrain", "book.txt", "-o", "m", *OPTIONS, "--learning-rate", "1e38", *PLAIN, code=6)
    assert "diverged" in result.stderr
    assert "going back 3 times" in result.stderr
    assert json.loads(Path("m/config.json").read_text())["result"]["stopped_by"] == "diverged"
    run("sample", "-m", "m", "--length", "5")
    assert all(np.isfinite(array).all() for array in load_file("m/model.safetensors").values())


# An epoch before them has 60 steps; three of them are made at 73.
@pytest.mark.parametrize(("stops_after", "saved"), [(65, "everything"), (73, "everything up to the last checkpoint")])
def test_a_stop_before_or_amid_steps_that_are_not_finite_changes_nothing(
    stops_after: int, saved: str, monkeypatch: pytest.MonkeyPatch, step_by_step: Callable[[], None]
) -> None:
    step_by_step()
    train_some_steps, step, is_stopped = Trainer._train_some_steps, [0], [False]

    def spoiled(trainer: Trainer) -> None:
        if trainer.position.step >= 70 and not trainer.position.rollbacks:
            arrays = trainer.network.to_arrays()
            trainer.network.assign({name: np.full_like(array, 3e38) for name, array in arrays.items()})
        train_some_steps(trainer)
        step[0] = trainer.position.step

    monkeypatch.setattr(Trainer, "_train_some_steps", spoiled)
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)

    @contextlib.contextmanager
    def requests() -> Iterator[Callable[[], int | None]]:
        def asked() -> int | None:
            is_stopped[0] = is_stopped[0] or step[0] == stops_after
            return signal.SIGTERM if is_stopped[0] else None

        yield asked

    with monkeypatch.context() as patched:
        patched.setattr(execution, "stop_requests", requests)
        stopped = run("pretrain", "book.txt", "-o", "m", *OPTIONS, code=143)
    assert f"stopped at step {stops_after}, with {saved} saved" in " ".join(stopped.stderr.split())
    run("pretrain", "--resume", "-o", "m")
    assert results("m") == results("whole")


@pytest.mark.parametrize("split", ["0.8,0.1,0.1", "1,0,0"])
def test_a_run_that_diverges_in_its_last_steps_keeps_what_it_began_with(split: str) -> None:
    run("preprocess", "book.txt", "--split", split, "--split-by", "position", "-o", "few")
    # Of three steps, two are too few to go back for.
    short = ["--batch-size", "40", "--sequence-length", "40", "--epochs", "1", "--learning-rate", "1e38"]
    result = run("pretrain", "few", "-o", "m", *OPTIONS, *PLAIN, *short, code=6)
    assert "diverged: the network that it ended with cannot be used" in " ".join(result.stderr.split())
    assert json.loads(Path("m/config.json").read_text())["result"]["stopped_by"] == "diverged"
    run("sample", "-m", "m", "--length", "5")


def test_an_empty_directory_may_be_overwritten_and_no_other_is_touched() -> None:
    Path("m").mkdir()
    run("pretrain", "book.txt", "-o", "m", *OPTIONS, "--epochs", "1", "--overwrite")
    Path("mine").mkdir()
    Path("mine/diary.txt").touch()
    assert "no result" in run("pretrain", "book.txt", "-o", "mine", *OPTIONS, "--overwrite", code=1).stderr
    assert os.listdir("mine") == ["diary.txt"]


def test_a_stop_during_an_evaluation_is_heard_and_changes_no_bit(stop_after: Callable[[int], list[int]]) -> None:
    run("pretrain", "book.txt", "-o", "whole", *OPTIONS)
    # Each epoch has 60 steps; the 61st question comes within the first evaluation.
    stop_after(60)
    run("pretrain", "book.txt", "-o", "parts", *OPTIONS, code=143)
    position = json.loads((max(Path("parts/checkpoints").glob("step-*")) / "position.json").read_text())
    assert position["is_evaluation_due"]
    assert position["step"] == 60
    stop_after(10_000)
    run("pretrain", "--resume", "-o", "parts")
    assert results("parts") == results("whole")
