from __future__ import annotations

import pytest

from charlstm.errors import OptionError
from charlstm.training import presets
from charlstm.training.presets import (
    PRESETS,
    PresetName,
    dropout_of,
    model_config,
    size_of,
    training_config,
    transfer_size_of,
)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_size_of_text_gets_a_valid_choice_that_grows_with_it(preset: PresetName) -> None:
    parameters = []
    for characters in (1, 30_000, 30_001, 1_000_000, 10_000_000, 10**10):
        size = size_of(characters, preset)
        parameters.append(model_config(size, 100).parameters)
        assert training_config(size, (size.units,), "float32", {}).epochs == size.epochs
    assert parameters == sorted(parameters)


def test_what_is_given_wins() -> None:
    size = size_of(1000)
    model = model_config(size, 50, layers=3, units=(32,), dropout=(0.1,))
    assert (model.units, model.dropout) == ((32, 32, 32), (0.1, 0.1, 0.1))
    assert model_config(size, 50, units=(32, 16)).layers == 2
    training = training_config(size, (size.units,), "float32", {"epochs": 3, "optimizer": "sgd", "batch_size": None})
    assert (training.epochs, training.learning_rate, training.batch_size) == (3, 1.0, size.batch_size)


def test_what_averages_keeps_its_rate_and_is_not_ended_before_it_begins_to() -> None:
    size = size_of(1_000_000)
    averaging = training_config(size, (256,), "float32", {"optimizer": "nt-asgd"})
    assert (averaging.schedule, averaging.patience) == ("constant", 0)
    chosen = training_config(size, (256,), "float32", {"optimizer": "nt-asgd", "schedule": "cosine", "patience": 3})
    assert (chosen.schedule, chosen.patience) == ("cosine", 3)
    usual = training_config(size, (256,), "float32", {"optimizer": "sgd"})
    assert (usual.schedule, usual.patience) == ("cosine", size.patience)


def test_smaller_layers_drop_less_unless_told_otherwise() -> None:
    size = size_of(1_000_000)
    assert dropout_of(size, (size.units, 2 * size.units), None) == (size.dropout, size.dropout)
    assert dropout_of(size, (size.units // 8, size.units), None) == (size.dropout / 4, size.dropout)
    assert dropout_of(size, (8, 8), (0.4,)) == (0.4, 0.4)
    assert model_config(size, 50, units=(size.units // 8,)).dropout == (size.dropout / 4,) * size.layers


def test_weights_are_dropped_from_scratch_on_a_small_text_if_the_layers_are_large() -> None:
    small, large = size_of(50_000), size_of(1_000_000)
    assert 0 < small.weight_drop < 1
    assert training_config(small, (128, 256), "float32", {}).weight_drop == small.weight_drop
    assert training_config(small, (64, 256), "float32", {}).weight_drop == 0
    assert training_config(small, (256,), "float32", {"weight_drop": 0.0}).weight_drop == 0
    assert training_config(small, (64,), "float32", {"weight_drop": 0.1}).weight_drop == 0.1
    assert training_config(large, (256,), "float32", {}).weight_drop == 0
    assert training_config(transfer_size_of(50_000), (256,), "float32", {}).weight_drop == 0


def test_the_rate_is_higher_where_weights_are_dropped() -> None:
    def rate(units: int, **given: object) -> float:
        return training_config(size_of(50_000), (units,), "float32", given).learning_rate

    assert rate(128) == 2 * rate(64) == 2 * rate(128, weight_drop=0.0)
    assert rate(128, optimizer="sgd") == rate(64, optimizer="sgd") == 1
    assert rate(128, learning_rate=0.5) == 0.5


def test_lists_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(OptionError, match="--units 8,9"):
        model_config(size_of(1000), 50, layers=3, units=(8, 9))
    with pytest.raises(OptionError, match="--dropout"):
        model_config(size_of(1000), 50, layers=3, dropout=(0.1, 0.2))


@pytest.mark.parametrize("preset", ["default", "fast", "quality"])
def test_words_have_sizes_and_an_embedding_of_their_own(preset: PresetName) -> None:
    parameters = []
    for words in (10_000, 200_000, 1_000_000, 10_000_000, 10**9):
        size = size_of(words, preset, "word")
        assert words <= size.symbols
        model = model_config(size, 10_000, level="word")
        assert model.embedding == 256
        parameters.append(model.parameters)
    assert parameters == sorted(parameters)
    assert model_config(size, 10_000, level="word", embedding=0).embedding == 0
    assert model_config(size, 10_000, level="word", tie_weights=True).embedding == size.units
    assert model_config(size_of(10**6), 100).embedding == 0
    assert transfer_size_of(200_000, preset, "word").epochs < size_of(200_000, preset, "word").epochs


def test_a_training_is_laid_out_for_the_cores_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    size = size_of(1000)
    monkeypatch.setattr(presets, "cores", lambda: 5)
    assert training_config(size, (64,), "float32", {}).cores == 5
    assert training_config(size, (64,), "float32", {"cores": 3}).cores == 3
