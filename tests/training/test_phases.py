from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny import config

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import OptionError
from charlstm.model.weights import initial_weights, layer_names
from charlstm.store.model_directory import weight_shapes
from charlstm.training.layer_groups import group_of
from charlstm.training.phases import Phase, carried_over, phases_of, with_phase_dropout, with_phase_epochs

MODEL = ModelConfig(5, (4, 3, 6), (0.1, 0.2, 0.3))
EVERYTHING = layer_names(MODEL, range(3), head=True)


def phases(model: ModelConfig = MODEL, trained: list[str] | None = None, **given: object) -> list[Phase]:
    names = layer_names(model, range(model.layers), head=True) if trained is None else trained
    training = with_phase_epochs(model, config(**given), names)
    return phases_of(with_phase_dropout(model, training), training, names)


def groups(found: list[Phase]) -> list[list[str]]:
    return [list(dict.fromkeys(map(group_of, phase.trained))) for phase in found]


def test_a_run_has_one_phase_which_is_the_whole_of_it() -> None:
    (phase,) = phases(epochs=7, max_minutes=3.0)
    assert phase == Phase(MODEL, config(epochs=7, max_minutes=3.0), EVERYTHING)


def test_gradual_learning_adds_a_layer_a_phase_and_trains_all_that_there_are() -> None:
    found = phases(
        gradual=True, epochs=10, max_minutes=10.0, clip_norm=(1.0, 2.0, 3.0, 4.0), layer_rates=(0.1, 0.2, 0.3)
    )
    assert [phase.model.units for phase in found] == [(4,), (4, 3), (4, 3, 6)]
    assert [phase.model.dropout for phase in found] == [(0.1,), (0.1, 0.2), (0.1, 0.2, 0.3)]
    assert [phase.trained for phase in found] == [list(weight_shapes(phase.model)) for phase in found]
    assert [phase.training.epochs for phase in found] == [3, 3, 4]
    assert [phase.training.max_minutes for phase in found] == pytest.approx([3, 6, 10])
    assert [phase.training.clip_norm for phase in found] == [(1, 4), (1, 2, 4), (1, 2, 3, 4)]
    assert [phase.training.layer_rates for phase in found] == [(0.1,), (0.1, 0.2), (0.1, 0.2, 0.3)]


def test_epochs_and_dropout_can_be_given_for_each_phase() -> None:
    lists = ((0.5,), (0.1, 0.4), (0.3,))
    found = phases(gradual=True, epochs=10, phase_epochs=(1, 2), phase_dropout=lists)
    assert [phase.training.epochs for phase in found] == [1, 2, 7]
    assert [phase.model.dropout for phase in found] == [(0.5,), (0.1, 0.4), (0.3, 0.3, 0.3)]
    assert [phase.training.epochs for phase in phases(gradual=True, epochs=10, phase_epochs=(2,))] == [2, 2, 6]


@pytest.mark.parametrize("is_tied", [False, True])
def test_a_phase_begins_with_the_weights_of_the_one_before_and_a_new_head_unless_tied(is_tied: bool) -> None:
    model = ModelConfig(5, (4, 4), (0.0, 0.0), embedding=4, tie_weights=is_tied)
    _, second = phases(model, gradual=True, epochs=2)
    before = {name: array + 1 for name, array in initial_weights(replace(model, units=(4,), dropout=(0.0,)), 9).items()}
    found, fresh = carried_over(second, before), initial_weights(model, second.training.random_seed)
    assert list(found) == list(weight_shapes(model))
    for name, array in found.items():
        is_new = name.startswith("lstm_1") or (name.startswith("head") and not is_tied)
        np.testing.assert_array_equal(array, fresh[name] if is_new else before[name])
    assert {name: carried_over(second, found)[name] is array for name, array in found.items()} == dict.fromkeys(
        found, True
    )


def test_gradual_unfreezing_goes_from_the_head_downwards() -> None:
    found = phases(unfreeze="gradual", epochs=9, unfreeze_every=2)
    assert groups(found) == [
        ["head"],
        ["lstm_2", "head"],
        ["lstm_1", "lstm_2", "head"],
        ["lstm_0", "lstm_1", "lstm_2", "head"],
    ]
    assert [phase.training.epochs for phase in found] == [2, 2, 2, 3]
    assert {phase.model for phase in found} == {MODEL}


def test_only_what_is_retrained_is_unfrozen() -> None:
    chosen = layer_names(MODEL, [0, 2], head=False)
    assert groups(phases(trained=chosen, unfreeze="gradual", epochs=5)) == [["lstm_2"], ["lstm_0", "lstm_2"]]
    tied = ModelConfig(5, (4, 4), (0.0, 0.0), embedding=4, tie_weights=True)
    assert groups(phases(tied, layer_names(tied, [1], head=True), unfreeze="gradual", epochs=5)) == [
        ["embedding", "head"],
        ["embedding", "lstm_1", "head"],
    ]
    own = replace(tied, tie_weights=False)
    assert groups(phases(own, unfreeze="gradual", epochs=5))[-1] == ["embedding", "lstm_0", "lstm_1", "head"]
    assert groups(phases(own, unfreeze="gradual", epochs=5))[1] == ["lstm_1", "head"]


def test_a_chain_trains_each_layer_alone_and_then_all() -> None:
    found = phases(unfreeze="chain", epochs=9)
    assert groups(found)[:4] == [["head"], ["lstm_0"], ["lstm_1"], ["lstm_2"]]
    assert found[4].trained == EVERYTHING
    assert [phase.training.epochs for phase in found] == [1, 1, 1, 1, 5]


ONE = ModelConfig(5, (4,), (0.0,))
UNEQUAL = ModelConfig(5, (9, 6), (0.0, 0.0), embedding=6, tie_weights=True)


@pytest.mark.parametrize(
    ("model", "given", "says"),
    [
        (ONE, {"gradual": True}, "this stack has one only: give --layers 2 or more"),
        (MODEL, {"gradual": True, "epochs": 2}, "give at least --epochs 3"),
        (UNEQUAL, {"gradual": True, "epochs": 9}, "--units 9,6: .* all have its size: give --units 6"),
        (MODEL, {"gradual": True, "phase_epochs": (1, 1, 1), "epochs": 9}, "one for each of the 2 phases but the last"),
        (MODEL, {"gradual": True, "phase_epochs": (4, 5), "epochs": 9}, "give at least --epochs 10"),
        (MODEL, {"gradual": True, "phase_dropout": ((0.1,), (0.1, 0.2)), "epochs": 9}, "needs 3 lists"),
        (MODEL, {"gradual": True, "phase_dropout": ((0.1, 0.1), (0.2,), (0.3,)), "epochs": 9}, "needs 3 lists"),
        (MODEL, {"phase_epochs": (1,)}, "--phase-epochs 1: is of the phases of --gradual"),
        (MODEL, {"phase_dropout": ((0.1,),)}, "--phase-dropout 0.1: is of the phases of --gradual"),
        (
            MODEL,
            {"unfreeze": "gradual", "epochs": 4, "unfreeze_every": 2},
            "--unfreeze-every 2.* give at least --epochs 7",
        ),
    ],
)
def test_what_cannot_be_parted_is_refused(model: ModelConfig, given: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        phases(model, **given)


def test_unfreezing_needs_two_layers() -> None:
    with pytest.raises(OptionError, match="name more in --retrain"):
        phases(trained=layer_names(MODEL, [], head=True), unfreeze="gradual")


def test_options_of_phases_come_back_from_json() -> None:
    training = config(gradual=True, epochs=9, phase_epochs=(1, 2), phase_dropout=((0.1,), (0.1, 0.2), (0.0,)))
    assert TrainingConfig.from_json(training.to_json()) == training


def test_an_embedding_that_is_the_head_too_trains_with_it() -> None:
    model = ModelConfig(5, (4, 4), (0.0, 0.0), embedding=4, tie_weights=True)
    found = phases(model, unfreeze="gradual", epochs=3)
    assert found[0].trained == ["embedding/table", "head/bias"]
    assert groups(found)[1:] == [["embedding", "lstm_1", "head"], ["embedding", "lstm_0", "lstm_1", "head"]]
    apart = phases(replace(model, tie_weights=False), unfreeze="gradual", epochs=3)
    assert groups(apart) == [["head"], ["lstm_1", "head"], ["embedding", "lstm_0", "lstm_1", "head"]]
