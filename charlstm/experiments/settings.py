"""How each trial trains: the options of the sweep, and for what they leave open a choice by size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import DataError
from charlstm.experiments.plan import Trial
from charlstm.model.weights import layer_names
from charlstm.store.sweep_file import SweepFile
from charlstm.training import presets
from charlstm.training.layer_groups import check_fit
from charlstm.training.memory import check_memory
from charlstm.training.phases import with_phase_epochs

# A model from scratch is a fair yardstick only where it could not have become better by training on.
SCRATCH_PATIENCE = 20
UNFREEZING = ("unfreeze", "unfreeze_every")
# How many there are hardly matters for what is checked beforehand.
SYMBOLS = 256


def training_of(sweep: SweepFile, trial: Trial, characters: int) -> dict[str, Any]:
    """Return the fields of TrainingConfig that are given for a trial, on a text of so many characters."""
    # Trials run beside each other, and their losses must not depend on how many cores each of them had.
    own = {"random_seed": trial.random_seed, "cores": 1}
    given = {**TrainingConfig.values_from_json(sweep.training), **own}
    parts = 0 if trial.layers is None else len(trial.layers) + (not sweep.freeze_head)
    if parts < 2:
        # There is nothing that could begin to train after something else.
        given = {name: value for name, value in given.items() if name not in UNFREEZING}
    if trial.kind != "scratch":
        return given
    size = presets.size_of(characters, sweep.preset)
    return {"patience": max(size.patience, SCRATCH_PATIENCE), **given}


def check_settings(
    sweep: SweepFile,
    bases: Mapping[str, ModelConfig],
    trials: tuple[Trial, ...],
    characters: Mapping[float, int],
    documents: Mapping[float, int],
) -> None:
    """Find what would stop a trial before the first is begun.

    Args:
        sweep: the sweep.
        bases: the network of each base, by its label.
        trials: all of it.
        characters: of the part of the training text for each fraction.
        documents: of it.

    Raises:
        CharlstmError: the machine has not the memory.
        DataError: a part of the text does not fill one batch.
        OptionError: options that do not fit a network.
    """
    checked = set()
    for trial in trials:
        if trial.kind == "untouched" or (shape := (trial.group, trial.fraction)) in checked:
            continue
        checked.add(shape)
        count = characters[trial.fraction]
        size = presets.size_of(count, sweep.preset)
        if trial.kind == "transfer":
            size = presets.transfer_size_of(count, sweep.preset)
        dropout = presets.dropout_of(size, trial.units, sweep.dropout)
        training = presets.training_config(size, trial.units, "float32", training_of(sweep, trial, count))
        _check_fills_a_batch(training, trial.fraction, count, documents[trial.fraction])
        model = ModelConfig(SYMBOLS, trial.units, dropout)
        if trial.base is not None:
            model = replace(bases[trial.base], dropout=dropout)
        check_fit(model, training)
        if trial.layers is not None:
            with_phase_epochs(model, training, layer_names(model, trial.layers, head=not sweep.freeze_head))
        check_memory(model, training)


def _check_fills_a_batch(training: TrainingConfig, fraction: float, characters: int, documents: int) -> None:
    """Refuse a part that is too short; for the whole text a batch shrinks, as in any training."""
    if training.batching == "documents" and documents < 2:
        raise DataError(
            f"--fractions {fraction:g} leaves {documents} document to train on, but --batching documents needs two"
        )
    needed = training.batch_size * training.sequence_length
    if training.batching == "stream" and fraction < 1 and characters < needed:
        raise DataError(
            f"--fractions {fraction:g} leaves {characters:,} characters to train on, but one batch reads {needed:,} "
            "(--batch-size x --sequence-length)"
        )
