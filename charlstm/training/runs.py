"""Pretraining and transfer: what a run starts from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig, NewSymbols, TrainingConfig, TransferConfig
from charlstm.data.batches import DocumentBatches, Ids, fitting_batch_size, longest_length
from charlstm.data.vocabulary import Vocabulary, listed
from charlstm.errors import DataError, OptionError
from charlstm.model.weights import layer_names, reading_weight
from charlstm.store.dataset_directory import Dataset
from charlstm.store.given_text import check_level
from charlstm.store.model_directory import Model, load_model
from charlstm.store.run_file import RunFile
from charlstm.store.runs import directory_of
from charlstm.training import presets
from charlstm.training.execution import Note, ObserverFactory, RunOptions, Start, begin, go_on
from charlstm.training.layer_groups import check_fit
from charlstm.training.memory import check_memory
from charlstm.training.phases import with_phase_dropout, with_phase_epochs
from charlstm.training.precision import choose_precision
from charlstm.training.report import Report

# New symbols that make up less of the text are read as the mean of all, where what they are read by is frozen: for the
# few rows that would train there, each step would go back through all layers.  On poems, with layer 2 of 3 x 256
# retrained for ten epochs, that cost 0.0010 nats of 1.5101 where a new symbol made up 0.0007 of the text, and 0.0029 of
# 1.5173 where it made up 0.0058.
LEAST_SHARE_TO_READ = 1e-3


@dataclass(frozen=True)
class NetworkOptions:
    """The network that is asked for.

    Attributes:
        layers: LSTM layers; None for a choice by size.
        units: units of all layers or of each; None for a choice by size.
        embedding: the size of the vector that a symbol becomes; 0 for one-hot symbols, None for a choice by level.
        tie_weights: whether the embedding is the kernel of the head too.
        target_offset: how many symbols after the one that is read the one stands that is predicted.
    """

    layers: int | None = None
    units: tuple[int, ...] | None = None
    embedding: int | None = None
    tie_weights: bool = False
    target_offset: int = 1


def pretrain(options: RunOptions, network: NetworkOptions, observe: ObserverFactory, note: Note) -> Report:
    """Train a stack from scratch.

    Args:
        options: what to train on, and how.
        network: the network to train.
        observe: makes the observer.
        note: takes sentences for the user.

    Raises:
        CharlstmError: the machine has not the memory.
        DataError: the text cannot be used, or there is too little of it.
        DivergedError: the training did, and going back did not help.
        OptionError: options that do not fit together.
        StoppedError: a signal ended the training; it can be gone on with.
    """

    if options.is_begun:
        return go_on(options, observe, note)
    return begin(options, lambda dataset: pretrain_start(options, network, dataset, note), observe, note)


def pretrain_start(options: RunOptions, network: NetworkOptions, dataset: Dataset, note: Note) -> Start:
    """Return what a training from scratch on a dataset begins with; the arguments are those of `pretrain`."""
    train, starts = dataset.splits["train"], dataset.documents["train"]
    level = dataset.vocabulary.level
    size = presets.size_of(len(train), options.preset, level)
    model = presets.model_config(size, len(dataset.vocabulary), dropout=options.dropout, level=level, **vars(network))
    trained = layer_names(model, range(model.layers), head=True)
    training = _training_config(options, size, model.units, train, starts, dataset.vocabulary, note)
    check_fit(model, training)
    _check_texts(model, training, len(train), len(dataset.splits["valid"]))
    if training.phase_dropout and options.dropout is not None:
        raise OptionError("--dropout and --phase-dropout say the same of a gradual run: give one of them")
    training = with_phase_epochs(model, training, trained)
    model = with_phase_dropout(model, training)
    run = RunFile(
        command="pretrain",
        given=dict(options.given),
        texts=list(options.texts),
        dataset={},
        model=model,
        training=training,
        base=None,
        transfer=None,
        trained=trained,
        new_symbols=0,
        lineage=[],
    )
    check_memory(model, run.training)
    return Start(run, dataset.vocabulary)


def transfer(
    options: RunOptions,
    base: Path | None,
    retrain: tuple[int, ...] | str,
    freeze_head: bool,
    new_symbols: NewSymbols,
    observe: ObserverFactory,
    note: Note,
) -> Report:
    """Carry a trained stack over to another text, training only some of its layers.

    Args:
        options: what to train on, and how.
        base: the model directory to start from; None only when going on.
        retrain: the LSTM layers to train, from the bottom, or "all".
        freeze_head: whether the softmax head keeps its weights.
        new_symbols: what happens to symbols that the base never saw.
        observe: makes the observer.
        note: takes sentences for the user.

    Raises:
        CharlstmError: the machine has not the memory.
        DataError: the text cannot be used, or there is too little of it, or new symbols are an error.
        DivergedError: the training did, and going back did not help.
        ModelError: the base cannot be used.
        OptionError: options that do not fit together, or a layer that the base does not have.
        StoppedError: a signal ended the training; it can be gone on with.
    """

    if options.is_begun:
        return go_on(options, observe, note)
    if base is None:
        raise OptionError("a transfer needs a base model: give -m BASE")
    base = directory_of(base)
    # A base that cannot be used is said before a large text is read; its weights must not stay for the training.
    model = replace(load_model(base), weights={})
    chosen = TransferConfig(_layers_of(model, retrain), freeze_head, new_symbols)

    def start(dataset: Dataset) -> Start:
        return _transfer_start(options, model, chosen, dataset, note)

    return begin(options, start, observe, note, model.vocabulary.level, [base])


def _transfer_start(options: RunOptions, base: Model, chosen: TransferConfig, dataset: Dataset, note: Note) -> Start:
    check_level(dataset, base)
    vocabulary = _joined_vocabulary(dataset, base, chosen, note)
    train, left_out = vocabulary.translate(dataset.splits["train"], dataset.vocabulary)
    if left_out:
        note(f"{left_out:,} {vocabulary.unit}s of the training text are left out.")
    starts = vocabulary.translate_starts(dataset.documents["train"], dataset.splits["train"], dataset.vocabulary)
    added = len(vocabulary) - len(base.vocabulary)
    size = presets.transfer_size_of(len(train), options.preset, vocabulary.level)
    dropout = presets.dropout_of(size, base.config.units, options.dropout)
    config = replace(base.config, vocabulary_size=len(vocabulary), dropout=dropout)
    trained = layer_names(config, chosen.retrain, head=not chosen.freeze_head)
    if not trained and not added:
        raise OptionError("--retrain none with --freeze-head trains nothing: leave one of them out")
    # What symbols are written by too trains for new ones in any case.
    found = np.count_nonzero(train >= len(base.vocabulary))
    is_read = config.tie_weights or bool(found >= LEAST_SHARE_TO_READ * len(train))
    if added and not is_read and reading_weight(config) not in trained:
        note("They are too rare for the frozen lowest layer to learn them: it reads them as the mean of all symbols.")
    training = _training_config(options, size, config.units, train, starts, vocabulary, note)
    check_fit(config, training)
    _check_texts(config, training, len(train), len(dataset.splits["valid"]))
    training = with_phase_epochs(config, training, trained)
    run = RunFile(
        command="transfer",
        given=dict(options.given),
        texts=list(options.texts),
        dataset={},
        model=config,
        training=training,
        base=str(base.path),
        transfer=chosen,
        trained=trained,
        new_symbols=added,
        lineage=[*base.lineage, {"model": str(base.path), "sha256": base.sha256, "transfer": chosen.to_json()}],
        new_symbols_read=is_read,
    )
    return Start(run, vocabulary)


def _training_config(
    options: RunOptions,
    size: presets.Size,
    units: tuple[int, ...],
    train: Ids,
    starts: NDArray[np.int64],
    vocabulary: Vocabulary,
    note: Note,
) -> TrainingConfig:
    """Return how to train on a text (N,) whose documents (D,) start at `starts`, no larger a batch than it can fill."""
    given = {name: value for name, value in options.training.items() if name != "precision"}
    config = presets.training_config(size, units, "float32", given)
    longest = longest_length(config.sequence_length, random_lengths=config.random_lengths)
    config = replace(config, precision=choose_precision(options.training.get("precision") or "auto", longest))
    if config.batching == "documents":
        batches = DocumentBatches(
            train, starts, vocabulary.end_of_document, config.batch_size, config.sequence_length, config.random_seed
        )
        if batches.batch_size < config.batch_size:
            note(f"The training text has {batches.batch_size:,} documents: the batch shrinks to them.")
        return replace(config, batch_size=batches.batch_size, sequence_length=batches.sequence_length)
    characters, length = len(train), config.sequence_length
    if given.get("sequence_length") is None:
        # A handful of characters is still a text: only an explicit length is kept to.
        length = max(1, min(length, characters // 2))
    fitting = fitting_batch_size(characters, config.batch_size, length)
    if fitting < config.batch_size:
        note(f"The training text has {characters:,} {vocabulary.unit}s: the batch shrinks to {fitting} streams.")
    return replace(config, batch_size=fitting, sequence_length=length)


def _check_texts(model: ModelConfig, training: TrainingConfig, train: int, valid: int) -> None:
    """Refuse options that need more text than there is, in symbols to learn from and to choose by."""
    if model.target_offset >= train:
        raise OptionError(
            f"--target-offset {model.target_offset}: the training text has {train:,} symbols, so none stands so far "
            "ahead"
        )
    followed = {
        "--schedule plateau": training.schedule == "plateau",
        "--optimizer nt-asgd": training.optimizer == "nt-asgd",
    }
    for option, is_chosen in followed.items():
        if is_chosen and valid < 2:
            raise OptionError(
                f"{option} follows the validation loss, and there is no validation text: charlstm preprocess --split "
                "makes one"
            )


def _layers_of(model: Model, retrain: tuple[int, ...] | str) -> tuple[int, ...]:
    if isinstance(retrain, str):
        return tuple(range(model.config.layers))
    if missing := [layer for layer in retrain if layer >= model.config.layers]:
        raise OptionError(
            f"--retrain {','.join(map(str, retrain))}: {model.path} has no layer {missing[0]}; "
            f"its layers are 0 to {model.config.layers - 1}"
        )
    return tuple(sorted(retrain))


def _joined_vocabulary(dataset: Dataset, base: Model, chosen: TransferConfig, note: Note) -> Vocabulary:
    """Return the vocabulary of the new model: the base's, with new symbols behind it if they are to be added."""
    new = [symbol for symbol in dataset.vocabulary.symbols if symbol not in base.vocabulary.ids]
    if not new:
        return base.vocabulary
    named = listed(new)
    if chosen.new_symbols == "error":
        raise DataError(f"{dataset.path} has {len(new)} symbols that {base.path} never saw: {named}")
    if chosen.new_symbols == "drop":
        fate = "left out" if base.vocabulary.unknown is None else "read as the unknown symbol"
        note(f"{len(new)} symbols are new to the base model and are {fate}: {named}")
        return base.vocabulary
    note(f"{len(new)} symbols are new to the base model and are added: {named}")
    return base.vocabulary.extended(dataset.vocabulary)
