"""What the loop does after an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import MODEL, TEXT, VALID, Recorder, tiny_trainer, train

from charlstm.errors import DivergedError
from charlstm.model.weights import layer_names
from charlstm.training import loop
from charlstm.training.loop import Trainer
from charlstm.training.step import StepInputs


@pytest.mark.parametrize("steps_between", [1, 5])
def test_plateau_lowers_the_rate_after_epochs_that_were_no_better(tmp_path: Path, steps_between: int) -> None:
    recorder = Recorder()
    # Random symbols: what is learned of them makes the validation loss worse.
    given = {"schedule": "plateau", "optimizer": "sgd", "learning_rate": 20.0, "decay": 0.5, "decay_patience": 2}
    trainer = tiny_trainer(tmp_path, recorder, epochs=8, clip_norm=0.0, **given)
    trainer._evaluation_times.is_due = lambda step: step % steps_between == 0  # type: ignore[method-assign]
    assert train(trainer, recorder)
    assert len(trainer.history) == 40 / steps_between
    expected, decays, bad, best = [], 0, 0, float("inf")
    for evaluation in trainer.history:
        expected.append(20.0 * 0.5**decays)
        if not evaluation.epoch.is_integer():
            continue
        bad = 0 if evaluation.valid_nats_per_char < best else bad + 1
        best = min(best, evaluation.valid_nats_per_char)
        if bad == 2:
            decays, bad = decays + 1, 0
    assert decays >= 2
    assert [evaluation.learning_rate for evaluation in trainer.history] == pytest.approx(expected)
    assert trainer.position.decays == decays


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({}, [20, 40]),
        ({"schedule": "plateau"}, [5, 10, 15, 20, 25, 30, 35, 40]),
        ({"optimizer": "nt-asgd"}, [5, 10, 15, 20, 25, 30, 35, 40]),
    ],
)
def test_what_goes_by_the_loss_of_each_epoch_looks_at_it_after_each(
    tmp_path: Path, given: dict[str, object], steps: list[int]
) -> None:
    recorder = Recorder()
    # Long beside the training text, so that others look at it after several epochs.
    trainer = tiny_trainer(tmp_path, recorder, epochs=8, valid=np.resize(VALID, 8 * len(TEXT)), **given)
    assert train(trainer, recorder)
    assert [evaluation.step for evaluation in trainer.history] == steps


@pytest.mark.parametrize("stops", [0, 5])
def test_the_time_before_the_first_step_does_not_count_as_that_of_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: int
) -> None:
    now = [0.0]

    def frozen_outputs(*_: object) -> np.ndarray:
        now[0] += 100
        return np.zeros((len(TEXT), 4), np.float32)

    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(loop, "frozen_outputs", frozen_outputs)
    recorder = Recorder()
    upper = layer_names(MODEL, [1], head=True)
    trainer = tiny_trainer(tmp_path, recorder, trained=upper, epochs=1000, max_minutes=15.0)
    trainer._evaluation_times.is_due = lambda _: False  # type: ignore[method-assign]
    rate = trainer._learning_rate

    def after_a_second(step: int) -> float:
        now[0] += 1
        return rate(step)

    trainer._learning_rate = after_a_second  # type: ignore[method-assign]
    for _ in range(stops):
        assert not train(trainer, recorder, 1)
    assert train(trainer, recorder)
    assert trainer.position.stopped_by == "max_minutes"
    assert trainer.position.step == 800 - 100 * stops


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_under_a_limit_the_end_is_estimated_anew_after_an_evaluation(
    tmp_path: Path, steps_per_call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    recorder = Recorder()
    trainer = tiny_trainer(tmp_path, recorder, epochs=1000, max_minutes=5.0, steps_per_call=steps_per_call)
    trainer._evaluation_times.is_due = lambda step: step == 50  # type: ignore[method-assign]
    rate, evaluate = trainer._learning_rate, trainer._evaluate

    def after_a_second(step: int) -> float:
        now[0] += 1
        return rate(step)

    def after_a_while(heed: Callable[[], None]) -> None:
        now[0] += 100
        evaluate(heed)

    trainer._learning_rate = after_a_second  # type: ignore[method-assign]
    trainer._evaluate = after_a_while  # type: ignore[method-assign]
    assert train(trainer, recorder)
    before, after = (
        {row.total_steps for row in recorder.progress if first < row.step <= last}
        for first, last in ((10, 50), (50, 180))
    )
    # Six of the five minutes' 300 seconds go by before the first estimate.
    assert before == {300}
    # After 50 steps 150 seconds are left, and a step with its share of the evaluation took three.
    (anew,) = after
    assert anew == pytest.approx(101, abs=2)


def test_plateau_goes_no_lower_than_the_lowest_rate(tmp_path: Path) -> None:
    recorder = Recorder()
    given = {"schedule": "plateau", "optimizer": "sgd", "learning_rate": 20.0, "decay": 0.5, "min_learning_rate": 8.0}
    trainer = tiny_trainer(tmp_path, recorder, epochs=8, clip_norm=0.0, **given)
    assert train(trainer, recorder)
    assert trainer.position.decays >= 2
    assert sorted({evaluation.learning_rate for evaluation in trainer.history}) == pytest.approx([8, 10, 20])


@pytest.mark.parametrize("steps_per_call", [1, 3])
def test_what_diverges_without_a_validation_text_keeps_the_last_good_weights(
    tmp_path: Path, steps_per_call: int
) -> None:
    recorder = Recorder()
    trainer = tiny_trainer(tmp_path, recorder, epochs=4, valid=VALID[:0], steps_per_call=steps_per_call)
    train_some_steps = trainer._train_some_steps

    def spoiled() -> None:
        if trainer.position.step >= 12:
            trainer.network.assign({name: np.full_like(array, 3e38) for name, array in trainer.best.items()})
        train_some_steps()

    trainer._train_some_steps = spoiled  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match="going back 3 times"):
        train(trainer, recorder)
    ((_, weights),) = [each for each in recorder.evaluations if each[0].step == 10]
    assert {name: array.tolist() for name, array in trainer.best.items()} == {
        name: array.tolist() for name, array in weights.items()
    }


def test_the_time_left_goes_by_the_steps_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(loop.time, "perf_counter", lambda: now[0])
    recorder = Recorder()
    trainer = tiny_trainer(tmp_path, recorder, epochs=4)
    trainer._evaluation_times.is_due = lambda _: False  # type: ignore[method-assign]
    seconds = [50.0, *[9.0] * 7, 50.0, *[2.0] * 11]  # The first step of a process compiles.
    rate = trainer._learning_rate

    def after_a_while(step: int) -> float:
        now[0] += seconds[step]
        return rate(step)

    trainer._learning_rate = after_a_while  # type: ignore[method-assign]
    assert not train(trainer, recorder, 8)
    assert train(trainer, recorder)
    slow, fast = [9.0 * steps for steps in range(18, 11, -1)], [2.0 * steps for steps in range(10, -1, -1)]
    assert [progress.seconds_left for progress in recorder.progress] == [None, *slow, None, *fast]


def test_steps_are_made_several_to_a_call_where_nothing_is_due_between_them(tmp_path: Path) -> None:
    trainers = []
    for steps_per_call in (1, 3):
        recorder = Recorder()
        trainer = tiny_trainer(tmp_path, recorder, epochs=3, steps_per_call=steps_per_call)
        trainer._evaluation_times.is_due = lambda step: step == 7  # type: ignore[method-assign]
        assert train(trainer, recorder)
        trainers.append(trainer)
    # The first compiles; the epochs begin anew after 5 and 10.
    assert [progress.step for progress in recorder.progress] == [1, 4, 5, 7, 10, 13, 15]
    assert recorder.progress[-2].nats_per_char == pytest.approx(np.log(5), rel=0.2)
    whole, parts = (trainer.capture() for trainer in trainers)
    assert [row.step for row in parts.history] == [7, 15]
    for row, other in zip(parts.history, whole.history, strict=True):
        assert replace(row, seconds=0.0) == replace(other, seconds=0.0)
    for name, array in {**whole.weights, **whole.slots}.items():
        np.testing.assert_array_equal({**parts.weights, **parts.slots}[name], array)


def test_of_a_call_only_the_step_that_is_not_finite_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "frozen_outputs", lambda *_: np.ones((len(TEXT), 4), np.float32))
    inputs_of = Trainer._inputs_of

    def spoiled(self: Trainer, step: int, updates: int) -> StepInputs:
        given = inputs_of(self, step, updates)
        return given._replace(inputs=given.inputs * np.float32("nan")) if step == 2 else given

    monkeypatch.setattr(Trainer, "_inputs_of", spoiled)
    trainers = []
    for steps_per_call in (1, 3):
        recorder = Recorder()
        upper = layer_names(MODEL, [1], head=True)
        trainer = tiny_trainer(tmp_path, recorder, trained=upper, epochs=2, steps_per_call=steps_per_call)
        assert train(trainer, recorder)
        assert trainer.position.updates == 9
        trainers.append(trainer)
    assert [progress.step for progress in recorder.progress] == [1, 3, 5, 8, 10]
    whole, parts = (trainer.capture() for trainer in trainers)
    for name, array in {**whole.weights, **whole.slots}.items():
        np.testing.assert_array_equal({**parts.weights, **parts.slots}[name], array)
