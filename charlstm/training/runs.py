"""A whole run: text in, model directory out.  Pretraining and transfer differ only in what they start from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.config import CorpusConfig, NewSymbols, TrainingConfig, TransferConfig
from charlstm.data.batches import Ids, fitting_batch_size
from charlstm.data.vocabulary import SPECIAL_SYMBOLS, Vocabulary
from charlstm.errors import DataError, OptionError
from charlstm.model.network import Network
from charlstm.model.weights import extend_vocabulary, initial_weights, layer_names, new_symbol_masks
from charlstm.store import atomic
from charlstm.store.dataset_directory import Dataset, load_dataset, write_dataset
from charlstm.store.history import write_history
from charlstm.store.model_directory import HISTORY, Model, load_model, save_model
from charlstm.store.runs import name_newest
from charlstm.training import presets
from charlstm.training.loop import Job, Observer, Outcome, Trainer
from charlstm.training.precision import choose_precision
from charlstm.training.scoring import Scorer

DATASET = "dataset"


@dataclass(frozen=True)
class RunOptions:
    """What a run works on and where it goes.

    Attributes:
        texts: one dataset directory, or the sources of a text.
        corpus: how the sources become a dataset.
        out: the model directory to make.
        overwrite: whether an existing one is replaced.
        dropout: one value, or one a layer; None for a choice by size.
        training: the fields of TrainingConfig that are given; None or absent for a choice by size.
    """

    texts: Sequence[str]
    corpus: CorpusConfig
    out: Path
    overwrite: bool
    dropout: tuple[float, ...] | None
    training: dict[str, Any]


@dataclass(frozen=True)
class Report:
    """What a run gave.

    Attributes:
        model: the model directory.
        valid_nats_per_char: the loss over the validation text, None without one.
        test_nats_per_char: the loss over the test text, None without one.
        base_test_nats_per_char: that of the base model as it was, in a transfer.
        parameters: weights of the network.
        trained_parameters: those of them that were trained.
        chars_trained: characters read in training.
        training_seconds: spent in training steps.
        steps: updates.
        epochs: passes over the training text.
        stopped_by: why the training ended.
        precision: of the matrix products.
    """

    model: str
    valid_nats_per_char: float | None
    test_nats_per_char: float | None
    base_test_nats_per_char: float | None
    parameters: int
    trained_parameters: int
    chars_trained: int
    training_seconds: float
    steps: int
    epochs: float
    stopped_by: str
    precision: str


@dataclass(frozen=True)
class Start:
    """A job, and what its model directory will say of where it comes from."""

    job: Job
    vocabulary: Vocabulary
    test: Ids
    lineage: list[dict[str, Any]]


# Told of the start before training begins, it returns what watches the training.
ObserverFactory = Callable[[Start], Observer]


def pretrain(
    options: RunOptions,
    layers: int | None,
    units: tuple[int, ...] | None,
    observe: ObserverFactory,
    note: Callable[[str], None],
) -> Report:
    """Train a stack from scratch.

    Args:
        options: what to train on, and how.
        layers: LSTM layers; None for a choice by size.
        units: units of all layers or of each; None for a choice by size.
        observe: makes the observer.
        note: takes sentences for the user.

    Raises:
        DataError: the text cannot be used, or there is too little of it.
        OptionError: options that do not fit together.
    """

    def start(dataset: Dataset) -> Start:
        train = dataset.splits["train"]
        model = presets.model_config(
            len(train), len(dataset.vocabulary), layers=layers, units=units, dropout=options.dropout
        )
        training = _training_config(options, train, note)
        job = Job(
            model=model,
            training=training,
            weights=initial_weights(model, training.random_seed),
            trained=layer_names(model, range(model.layers), head=True),
            masks={},
            train=train,
            valid=dataset.splits["valid"],
        )
        return Start(job, dataset.vocabulary, dataset.splits["test"], [])

    return _run(options, start, observe, is_transfer=False)


def transfer(
    options: RunOptions,
    base: Path,
    retrain: tuple[int, ...] | str,
    freeze_head: bool,
    new_symbols: NewSymbols,
    observe: ObserverFactory,
    note: Callable[[str], None],
) -> Report:
    """Carry a trained stack over to another text, training only some of its layers.

    Args:
        options: what to train on, and how.
        base: the model directory to start from.
        retrain: the LSTM layers to train, from the bottom, or "all".
        freeze_head: whether the softmax head keeps its weights.
        new_symbols: what happens to symbols that the base never saw.
        observe: makes the observer.
        note: takes sentences for the user.

    Raises:
        DataError: the text cannot be used, or there is too little of it, or new symbols are an error.
        ModelError: the base cannot be used.
        OptionError: options that do not fit together, or a layer that the base does not have.
    """
    model = load_model(base)
    chosen = TransferConfig(_layers_of(model, retrain), freeze_head, new_symbols)

    def start(dataset: Dataset) -> Start:
        vocabulary, splits = _carry_over(dataset, model, chosen, note)
        added = np.arange(len(vocabulary)) >= len(model.vocabulary)
        config, weights = extend_vocabulary(model.config, model.weights, model.vocabulary, vocabulary)
        dropout = options.dropout or (presets.size_of(len(splits["train"])).dropout,)
        config = replace(config, dropout=presets.one_a_layer(dropout, config.layers))
        trained = layer_names(config, chosen.retrain, head=not freeze_head)
        masks = {}
        if added.any():
            masks = {name: mask for name, mask in new_symbol_masks(config, added).items() if name not in trained}
        if not trained and not masks:
            raise OptionError("--retrain none with --freeze-head trains nothing: leave one of them out")
        job = Job(
            model=config,
            training=_training_config(options, splits["train"], note),
            weights=weights,
            trained=[name for name in weights if name in trained or name in masks],
            masks=masks,
            train=splits["train"],
            valid=splits["valid"],
        )
        ancestor = {"model": str(base), "sha256": model.sha256, "transfer": chosen.to_json()}
        return Start(job, vocabulary, splits["test"], [*model.lineage, ancestor])

    return _run(options, start, observe, is_transfer=True)


def open_dataset(texts: Sequence[str], corpus: CorpusConfig, scratch: Path) -> Dataset:
    """Open the dataset directory that `texts` names, or make one of the texts at `scratch`."""
    if len(texts) == 1 and (Path(texts[0]) / "dataset.json").exists():
        return load_dataset(Path(texts[0]))
    if len(texts) == 1 and (Path(texts[0]) / "config.json").exists():
        raise DataError(f"{texts[0]} is a model, not a text or dataset: give models with -m")
    return write_dataset(texts, corpus, scratch)


def _run(
    options: RunOptions, start_from: Callable[[Dataset], Start], observe: ObserverFactory, *, is_transfer: bool
) -> Report:
    with atomic.new_directory(options.out, overwrite=options.overwrite) as directory:
        dataset = open_dataset(options.texts, options.corpus, directory / DATASET)
        _check_is_learnable(dataset)
        start = start_from(dataset)
        network = Network(start.job.model)
        network.assign(start.job.weights)
        scorer = Scorer(network)
        base_loss = _loss(scorer, start.test) if is_transfer else None
        trainer = Trainer(start.job, network, observe(start))
        outcome = trainer.run()
        report = _report(options.out, start.job, outcome, scorer, start.test, base_loss)
        write_history(directory / HISTORY, outcome.history)
        save_model(
            directory,
            start.job.model,
            start.vocabulary,
            outcome.weights,
            training=start.job.training.to_json(),
            dataset=_describe(dataset, directory, options.out),
            lineage=start.lineage,
            result={name: value for name, value in vars(report).items() if name != "model"},
        )
    name_newest(options.out)
    return report


def _report(out: Path, job: Job, outcome: Outcome, scorer: Scorer, test: Ids, base_loss: float | None) -> Report:
    return Report(
        model=str(out),
        valid_nats_per_char=_loss(scorer, job.valid),
        test_nats_per_char=_loss(scorer, test),
        base_test_nats_per_char=base_loss,
        parameters=job.model.parameters,
        trained_parameters=_count_trained(job),
        chars_trained=outcome.chars,
        training_seconds=outcome.seconds,
        steps=outcome.step,
        epochs=outcome.epochs,
        stopped_by=outcome.stopped_by,
        precision=job.training.precision,
    )


def _loss(scorer: Scorer, ids: Ids) -> float | None:
    return scorer.score(ids).nats_per_char if len(ids) > 1 else None


def _count_trained(job: Job) -> int:
    count = 0
    for name in job.trained:
        shape = job.weights[name].shape
        mask = job.masks.get(name)
        count += int(np.prod(shape) if mask is None else np.broadcast_to(mask, shape).sum())
    return count


def _training_config(options: RunOptions, train: Ids, note: Callable[[str], None]) -> TrainingConfig:
    given = {name: value for name, value in options.training.items() if name != "precision"}
    config = presets.training_config(len(train), choose_precision(options.training.get("precision")), given)
    length = config.sequence_length
    if given.get("sequence_length") is None:
        # A handful of characters is still a text: only an explicit length is kept to.
        length = max(1, min(length, len(train) // 2))
    fitting = fitting_batch_size(len(train), config.batch_size, length)
    if fitting < config.batch_size:
        note(
            f"The training text has {len(train):,} characters: the batch shrinks from {config.batch_size} to {fitting}."
        )
    return replace(config, batch_size=fitting, sequence_length=length)


def _layers_of(model: Model, retrain: tuple[int, ...] | str) -> tuple[int, ...]:
    if isinstance(retrain, str):
        return tuple(range(model.config.layers))
    if missing := [layer for layer in retrain if layer >= model.config.layers]:
        raise OptionError(
            f"--retrain {','.join(map(str, retrain))}: {model.path} has no layer {missing[0]}; "
            f"its layers are 0 to {model.config.layers - 1}"
        )
    return tuple(sorted(retrain))


def _carry_over(
    dataset: Dataset, base: Model, chosen: TransferConfig, note: Callable[[str], None]
) -> tuple[Vocabulary, dict[str, Ids]]:
    """Return the vocabulary of the new model, and the texts in its ids."""
    new = [symbol for symbol in dataset.vocabulary.symbols if symbol not in base.vocabulary.ids]
    listed = " ".join(map(repr, new[:20])) + (" ..." if len(new) > 20 else "")
    if new and chosen.new_symbols == "error":
        raise DataError(f"{dataset.path} has {len(new)} symbols that {base.path} never saw: {listed}")
    vocabulary = base.vocabulary
    if new and chosen.new_symbols == "extend":
        vocabulary = base.vocabulary.extended(dataset.vocabulary)
        note(f"{len(new)} symbols are new to the base model and are added: {listed}")
    splits: dict[str, NDArray[Any]] = {}
    lost = 0
    for split, ids in dataset.splits.items():
        splits[split], missing = vocabulary.translate(ids, dataset.vocabulary)
        lost += missing
    if lost:
        note(f"{len(new)} symbols are new to the base model; {lost:,} characters are left out: {listed}")
    return vocabulary, splits


def _check_is_learnable(dataset: Dataset) -> None:
    ordinary = [symbol for symbol in dataset.vocabulary.symbols if symbol not in SPECIAL_SYMBOLS]
    if len(ordinary) < 2:
        raise DataError(f"the text consists of {len(ordinary)} different symbols: there is nothing to learn from it")
    if len(dataset.splits["train"]) < 2:
        raise DataError("the training text has fewer than 2 characters: there is nothing to learn from it")


def _describe(dataset: Dataset, directory: Path, out: Path) -> dict[str, Any]:
    """Return what a model directory says of its dataset; the path is relative to it, so that both can move."""
    inside = dataset.path.parent == directory
    path = DATASET if inside else os.path.relpath(dataset.path.resolve(), out.resolve())
    return {"path": path, "fingerprint": dataset.fingerprint, **dataset.summary}
