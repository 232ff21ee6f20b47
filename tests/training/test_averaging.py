"""NT-ASGD: the average is a true one, evaluations take it, and it goes on after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import Recorder, tiny_trainer, train

from charlstm.training.position import Position
from charlstm.training.reactions import begins_averaging, share_of_newest

# Random symbols: what is learned of them soon makes the validation loss worse.
GIVEN = {"optimizer": "nt-asgd", "learning_rate": 20.0, "clip_norm": 0.0, "schedule": "constant", "non_monotone": 1}


@pytest.mark.parametrize(
    ("losses", "non_monotone", "expected"),
    [
        ([3.0], 0, False),
        ([3.0, 3.1], 0, True),
        ([3.0, 3.0], 0, False),
        ([3.0, 2.0, 2.5], 1, False),
        ([2.0, 3.0, 2.5], 1, True),
        ([2.0, 3.0, 2.5], 2, False),
        ([5.0, 4.0, 3.0, 3.5], 1, False),
        ([5.0, 3.0, 4.0, 3.5], 1, True),
    ],
)
def test_the_trigger_is_that_of_the_paper(losses: list[float], non_monotone: int, expected: bool) -> None:
    assert begins_averaging(losses, non_monotone) is expected


def test_the_shares_make_a_mean_of_all_weights_since_the_trigger() -> None:
    at = Position(step=20, updates=10, averaged_from=10)
    assert share_of_newest(replace(at, averaged_from=-1), 11) == 1
    assert [share_of_newest(at, 11 + number) for number in range(3)] == [1, 1 / 2, 1 / 3]


def test_averaging_begins_at_the_end_of_an_epoch_that_is_worse_than_epochs_before(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = tiny_trainer(tmp_path, recorder, epochs=8, **GIVEN)
    trainer._evaluation_times.is_due = lambda _: True  # type: ignore[method-assign]
    assert train(trainer, recorder)
    losses = [evaluation.valid_nats_per_char for evaluation in trainer.history if evaluation.epoch.is_integer()]
    expected = next(epochs for epochs in range(1, 9) if begins_averaging(losses[:epochs], GIVEN["non_monotone"]))  # type: ignore[call-overload]
    assert trainer.position.averaged_from == 5 * expected


def test_evaluations_are_of_the_average_computed_by_hand(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer = tiny_trainer(tmp_path, recorder, epochs=8, **GIVEN)
    assert train(trainer, recorder)
    begun = trainer.position.averaged_from
    assert 0 < begun < 30
    # After every step there is a checkpoint with the weights of that step, which are not averaged.
    weights = {checkpoint.step: checkpoint.weights for checkpoint in recorder.checkpoints}
    for evaluation, evaluated in recorder.evaluations:
        since = range(begun + 1, evaluation.step + 1) if evaluation.step > begun else [evaluation.step]
        for name, array in evaluated.items():
            expected = np.mean([weights[step][name].astype(np.float64) for step in since], axis=0)
            np.testing.assert_allclose(array, expected, atol=1e-5)
    assert evaluation.step - begun > 5
    assert not np.allclose(evaluated["head/kernel"], weights[evaluation.step]["head/kernel"], atol=1e-3)


def test_averaging_changes_no_update(tmp_path: Path) -> None:
    plain, averaged = Recorder(), Recorder()
    train(tiny_trainer(tmp_path, plain, epochs=6, **{**GIVEN, "optimizer": "sgd"}), plain)
    train(tiny_trainer(tmp_path, averaged, epochs=6, **GIVEN), averaged)
    for before, after in zip(plain.checkpoints, averaged.checkpoints, strict=True):
        for name, array in before.weights.items():
            np.testing.assert_array_equal(after.weights[name], array)


def test_a_stop_amid_averaging_changes_nothing(tmp_path: Path) -> None:
    whole = Recorder()
    one = tiny_trainer(tmp_path, whole, epochs=8, **GIVEN)
    train(one, whole)
    parts = Recorder()
    first = tiny_trainer(tmp_path, parts, epochs=8, **GIVEN)
    assert not train(first, parts, steps=33)
    assert 0 < first.position.averaged_from < first.position.step
    second = tiny_trainer(tmp_path, parts, epochs=8, **GIVEN)
    second.restore(first.capture())
    assert train(second, parts)
    assert [row.valid_nats_per_char for row in second.history] == [row.valid_nats_per_char for row in one.history]
    for name, array in one.capture().slots.items():
        np.testing.assert_array_equal(second.capture().slots[name], array)
