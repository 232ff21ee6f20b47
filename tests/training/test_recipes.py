"""Each recipe is a training that can be begun."""

from __future__ import annotations

import dataclasses

import click
import pytest

from charlstm.cli.main import main
from charlstm.config import TrainingConfig
from charlstm.training.layer_groups import check_fit
from charlstm.training.phases import phases_of, with_phase_dropout, with_phase_epochs
from charlstm.training.presets import model_config, size_of, training_config
from charlstm.training.recipes import RECIPES, recipes_of
from charlstm.training.runs import NetworkOptions

OF_TRAINING = {field.name for field in dataclasses.fields(TrainingConfig)}
OF_NETWORK = {field.name for field in dataclasses.fields(NetworkOptions)} | {"dropout"}
EACH = [(name, command) for name, recipe in RECIPES.items() for command in recipe.commands]


@pytest.mark.parametrize(("name", "command"), EACH)
def test_the_options_of_a_recipe_are_those_of_its_command_and_fit_together(name: str, command: str) -> None:
    options = RECIPES[name].commands[command]
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert set(options) <= {option.name for option in found.params}
    of_training = {each: value for each, value in options.items() if each in OF_TRAINING}
    training = training_config(size_of(10**6), (8,), "float32", of_training)
    assert all(getattr(training, each) == value for each, value in of_training.items())
    # What a size of text chooses is left to it by none but those that follow it.
    assert "weight_drop" in options
    network = {each: value for each, value in options.items() if each in OF_NETWORK}
    model = model_config(size_of(10**6), 90, **network)
    check_fit(model, training)
    trained = [f"lstm_{layer}/bias" for layer in range(model.layers)] + ["head/bias"]
    training = with_phase_epochs(model, training, trained)
    phases = phases_of(with_phase_dropout(model, training), training, trained)
    assert len(phases) == {"gradual": 2, "ulmfit": 4 if command == "transfer" else 1}.get(name, 1)


def test_commands_have_their_recipes() -> None:
    assert recipes_of("pretrain") == ["awd-lstm", "ulmfit", "gradual", "lovecraft", "char-rnn"]
    assert recipes_of("transfer") == ["ulmfit"]


def test_awd_lstm_has_the_published_number_of_weights_and_no_penalties_for_characters() -> None:
    options = RECIPES["awd-lstm"].commands["pretrain"]
    network = {each: value for each, value in options.items() if each in OF_NETWORK}
    # Merity, Keskar and Socher, 2018, arXiv:1803.08240: 13.8 million for the 50 symbols of Penn Treebank.
    assert round(model_config(size_of(10**6), 50, **network).parameters / 1e6, 1) == 13.8
    assert "activation_regularization" not in options


def test_gradual_takes_the_steps_of_its_source_which_sums_over_a_sequence() -> None:
    options = RECIPES["gradual"].commands["pretrain"]
    steps = options["sequence_length"]
    assert (options["learning_rate"] / steps, options["clip_norm"] * steps) == pytest.approx((1, 5))
