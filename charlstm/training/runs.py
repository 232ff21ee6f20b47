"""A whole run: text in, model directory out.  Pretraining and transfer differ only in what they start from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from charlstm.config import Config, CorpusConfig, NewSymbols, TrainingConfig, TransferConfig
from charlstm.data.batches import Ids, fitting_batch_size
from charlstm.data.vocabulary import SPECIAL_SYMBOLS, Vocabulary
from charlstm.errors import DataError, DivergedError, ModelError, OptionError, StoppedError
from charlstm.model.network import Network
from charlstm.model.weights import extend_vocabulary, initial_weights, layer_names, new_symbol_masks
from charlstm.store import atomic, json_file
from charlstm.store.checkpoints import CHECKPOINTS, check_size, has_checkpoints
from charlstm.store.dataset_directory import Dataset, load_dataset, write_dataset
from charlstm.store.history import write_history
from charlstm.store.lock import locked
from charlstm.store.model_directory import (
    CONFIG,
    HISTORY,
    VOCABULARY,
    Model,
    Weights,
    load_model,
    read_config,
    save_model,
    weight_shapes,
)
from charlstm.store.run_file import RUN, RunFile, read_run, write_run
from charlstm.store.runs import name_newest
from charlstm.training import presets
from charlstm.training.keeper import CheckpointKeeper
from charlstm.training.loop import Job, Observer, Trainer
from charlstm.training.memory import check_memory
from charlstm.training.precision import choose_precision
from charlstm.training.resume import check_unchanged, extended_run
from charlstm.training.scoring import Scorer
from charlstm.training.signals import stop_requests

DATASET = "dataset"

Note = Callable[[str], None]


@dataclass(frozen=True)
class RunOptions:
    """What a run works on and where it goes.

    Attributes:
        texts: one dataset directory, or the sources of a text; empty only when going on.
        out: the model directory to make.
        overwrite: whether an existing one is replaced.
        resume: whether a run that was begun in `out` is gone on with.
        preset: the table by which options that are not given are chosen.
        checkpoint_minutes: the time after which a checkpoint is taken in the middle of an epoch too.
        dropout: one value, or one a layer; None for a choice by size.
        training: the fields of TrainingConfig; None or absent for a choice by size.
        given: the options that the user gave by name, as JSON; those that must not change when going on.
    """

    texts: Sequence[str]
    out: Path
    overwrite: bool
    resume: bool
    preset: presets.PresetName
    checkpoint_minutes: float
    dropout: tuple[float, ...] | None
    training: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def is_begun(self) -> bool:
        """Whether there is a run to go on with."""
        return self.resume and (self.out / RUN).exists()


@dataclass(frozen=True)
class Report(Config):
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
        steps: batches read.
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
    """What a run begins with, before anything of it is on disk.

    Attributes:
        run: what is asked for; its `dataset` is filled in later.
        vocabulary: of the new model.
        weights: the first weights.
    """

    run: RunFile
    vocabulary: Vocabulary
    weights: Weights


# Told of the job and the vocabulary before training begins, it returns what watches the training.
ObserverFactory = Callable[[Job, Vocabulary], Observer]


def pretrain(
    options: RunOptions, layers: int | None, units: tuple[int, ...] | None, observe: ObserverFactory, note: Note
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
        StoppedError: a signal ended the training; it can be gone on with.
    """

    def start(dataset: Dataset) -> Start:
        characters = len(dataset.splits["train"])
        size = presets.size_of(characters, options.preset)
        model = presets.model_config(size, len(dataset.vocabulary), layers=layers, units=units, dropout=options.dropout)
        run = RunFile(
            command="pretrain",
            given=dict(options.given),
            texts=list(options.texts),
            dataset={},
            model=model,
            training=_training_config(options, size, characters, note),
            base=None,
            transfer=None,
            trained=layer_names(model, range(model.layers), head=True),
            new_symbols=0,
            lineage=[],
        )
        check_memory(model, run.training)
        return Start(run, dataset.vocabulary, initial_weights(model, run.training.random_seed))

    return _begin_or_resume(options, start, observe, note)


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
        DataError: the text cannot be used, or there is too little of it, or new symbols are an error.
        ModelError: the base cannot be used.
        OptionError: options that do not fit together, or a layer that the base does not have.
        StoppedError: a signal ended the training; it can be gone on with.
    """

    def start(dataset: Dataset) -> Start:
        if base is None:
            raise OptionError("a transfer needs a base model: give -m BASE")
        model = load_model(base)
        chosen = TransferConfig(_layers_of(model, retrain), freeze_head, new_symbols)
        vocabulary = _joined_vocabulary(dataset, model, chosen, note)
        train, left_out = vocabulary.translate(dataset.splits["train"], dataset.vocabulary)
        if left_out:
            note(f"{left_out:,} characters of the training text are left out.")
        added = len(vocabulary) - len(model.vocabulary)
        config, weights = extend_vocabulary(model.config, model.weights, model.vocabulary, vocabulary)
        size = presets.transfer_size_of(len(train), options.preset)
        dropout = options.dropout or (size.dropout,)
        config = replace(config, dropout=presets.one_a_layer(dropout, config.layers))
        trained = layer_names(config, chosen.retrain, head=not freeze_head)
        if not trained and not added:
            raise OptionError("--retrain none with --freeze-head trains nothing: leave one of them out")
        run = RunFile(
            command="transfer",
            given=dict(options.given),
            texts=list(options.texts),
            dataset={},
            model=config,
            training=_training_config(options, size, len(train), note),
            base=str(base),
            transfer=chosen,
            trained=trained,
            new_symbols=added,
            lineage=[*model.lineage, {"model": str(base), "sha256": model.sha256, "transfer": chosen.to_json()}],
        )
        return Start(run, vocabulary, weights)

    if base is not None and not options.is_begun:
        # A base that cannot be used is said before a large text is read.
        _layers_of(load_model(base), retrain)
    return _begin_or_resume(options, start, observe, note)


def open_dataset(texts: Sequence[str], corpus: CorpusConfig, scratch: Path) -> Dataset:
    """Open the dataset directory that `texts` names, or make one of the texts at `scratch`."""
    if len(texts) == 1 and (Path(texts[0]) / "dataset.json").exists():
        return load_dataset(Path(texts[0]))
    if len(texts) == 1 and (Path(texts[0]) / CONFIG).exists():
        raise DataError(f"{texts[0]} is a model, not a text or dataset: give models with -m")
    return write_dataset(texts, corpus, scratch)


def _begin_or_resume(
    options: RunOptions, start: Callable[[Dataset], Start], observe: ObserverFactory, note: Note
) -> Report:
    out = options.out
    with ExitStack() as held:
        if options.is_begun:
            held.enter_context(locked(out))
            run = extended_run(read_run(out), options.texts, options.given)
            return _train(options, run, None, observe, note)
        if options.resume and out.exists():
            raise ModelError(f"{out} holds no {RUN}, so there is no run in it to go on with")
        if options.overwrite and out.is_dir():
            held.enter_context(locked(out))
        with atomic.new_directory(out, overwrite=options.overwrite) as directory:
            corpus = CorpusConfig(random_seed=int(options.training.get("random_seed") or 1))
            dataset = open_dataset(options.texts, corpus, directory / DATASET)
            _check_is_learnable(dataset)
            begun = start(dataset)
            run = replace(begun.run, dataset=_describe(dataset, directory, out))
            write_run(directory, run)
            json_file.write_json(directory / VOCABULARY, begun.vocabulary.to_json())
        held.enter_context(locked(out))
        return _train(options, run, begun.weights, observe, note)


def _train(options: RunOptions, run: RunFile, weights: Weights | None, observe: ObserverFactory, note: Note) -> Report:
    """Go on with the run in a locked directory, from its first weights or from its newest checkpoint."""
    out = options.out
    dataset = load_dataset(out / run.dataset["path"])
    check_unchanged(run, dataset)
    vocabulary = Vocabulary.from_json(json_file.read_json(out / VOCABULARY, ModelError), ModelError)
    splits = {name: vocabulary.translate(ids, dataset.vocabulary)[0] for name, ids in dataset.splits.items()}
    if len(vocabulary) != run.model.vocabulary_size:
        raise ModelError(
            f"{out / VOCABULARY} has {len(vocabulary)} symbols, but {RUN} says {run.model.vocabulary_size}"
        )
    atomic.remove_leftovers(out)
    has_checkpoint = has_checkpoints(out)
    if has_checkpoint:
        check_size(out, run.model)
    atomic.remove_leftovers(out / CHECKPOINTS)
    check_memory(run.model, run.training)
    if weights is None and has_checkpoint:
        weights = {name: np.zeros(shape, np.float32) for name, shape in weight_shapes(run.model).items()}
    job = _job(run, weights or _first_weights(run, vocabulary), splits)
    network = Network(run.model, run.training.precision)
    observer = observe(job, vocabulary)
    trainer = Trainer(job, network, observer, out)
    keeper = CheckpointKeeper(out, run.model, trainer.slot_shapes(), options.checkpoint_minutes, note)
    if has_checkpoint:
        trainer.restore(keeper.newest())
        is_extended = read_run(out).training != run.training
        if trainer.position.is_finished and not is_extended:
            note(f"{out} is finished.")
            return _report_of(out)
        if is_extended:
            trainer.extend()
            write_run(out, run)
        note(f"Going on from step {trainer.position.step:,}.")
    else:
        if run.command == "transfer":
            trainer.position.base_test_nats_per_char = _loss(trainer.scorer, splits["test"]) or -1.0
        keeper.write(trainer.capture())
    with stop_requests() as stop_signal:
        try:
            is_finished = trainer.run(keeper, lambda: stop_signal() is not None)
        except DivergedError:
            keeper.wait()
            _save(out, run, vocabulary, trainer, splits)
            raise
        finally:
            observer.ended()
        if not is_finished:
            keeper.write(trainer.capture())
            again = f"charlstm {run.command} --resume -o {shlex.quote(str(out))}"
            raise StoppedError(
                f"stopped at step {trainer.position.step:,}, with everything saved; go on with: {again}",
                stop_signal() or 0,
            )
        report = _save(out, run, vocabulary, trainer, splits)
        keeper.write(trainer.capture())
    name_newest(out)
    return report


def _save(out: Path, run: RunFile, vocabulary: Vocabulary, trainer: Trainer, splits: Mapping[str, Ids]) -> Report:
    """Write the model with the best weights so far and return what is to be said of it."""
    position = trainer.position
    trainer.network.assign(trainer.best)
    base_loss = position.base_test_nats_per_char
    report = Report(
        model=str(out),
        valid_nats_per_char=_loss(trainer.scorer, splits["valid"]),
        test_nats_per_char=_loss(trainer.scorer, splits["test"]),
        base_test_nats_per_char=base_loss if base_loss >= 0 else None,
        parameters=run.model.parameters,
        trained_parameters=_count_trained(trainer.job),
        chars_trained=position.step * run.training.batch_size * run.training.sequence_length,
        training_seconds=position.seconds,
        steps=position.step,
        epochs=position.step / trainer.batches.steps_per_epoch,
        stopped_by=position.stopped_by,
        precision=run.training.precision,
    )
    write_history(out / HISTORY, trainer.history)
    save_model(
        out,
        run.model,
        vocabulary,
        trainer.best,
        training=run.training.to_json(),
        dataset=run.dataset,
        lineage=run.lineage,
        result={name: value for name, value in asdict(report).items() if name != "model"},
    )
    return report


def _report_of(out: Path) -> Report:
    """Return the report of a finished run."""
    result = read_config(out)["result"]
    try:
        return Report.from_json({**result, "model": str(out)})
    except OptionError as problem:
        raise ModelError(f"{out / CONFIG}: 'result' is not that of a run: {problem}") from None


def _job(run: RunFile, weights: Weights, splits: Mapping[str, Ids]) -> Job:
    masks = {}
    if run.new_symbols:
        size = run.model.vocabulary_size
        added = np.arange(size) >= size - run.new_symbols
        masks = {name: mask for name, mask in new_symbol_masks(run.model, added).items() if name not in run.trained}
    return Job(
        model=run.model,
        training=run.training,
        weights=weights,
        trained=[name for name in weights if name in run.trained or name in masks],
        masks=masks,
        train=splits["train"],
        valid=splits["valid"],
    )


def _first_weights(run: RunFile, vocabulary: Vocabulary) -> Weights:
    """Return the weights that a run begins with, where it was stopped before they were saved."""
    if run.base is None:
        return initial_weights(run.model, run.training.random_seed)
    base = load_model(Path(run.base))
    if base.sha256 != run.lineage[-1].get("sha256"):
        raise ModelError(f"{base.path} is not the model that the run began with: begin a new run")
    return extend_vocabulary(base.config, base.weights, base.vocabulary, vocabulary)[1]


def _loss(scorer: Scorer, ids: Ids) -> float | None:
    return scorer.score(ids).nats_per_char if len(ids) > 1 else None


def _count_trained(job: Job) -> int:
    count = 0
    for name in job.trained:
        shape = job.weights[name].shape
        mask = job.masks.get(name)
        count += int(np.prod(shape) if mask is None else np.broadcast_to(mask, shape).sum())
    return count


def _training_config(options: RunOptions, size: presets.Size, characters: int, note: Note) -> TrainingConfig:
    given = {name: value for name, value in options.training.items() if name != "precision"}
    precision = choose_precision(options.training.get("precision") or "auto")
    config = presets.training_config(size, precision, given)
    length = config.sequence_length
    if given.get("sequence_length") is None:
        # A handful of characters is still a text: only an explicit length is kept to.
        length = max(1, min(length, characters // 2))
    fitting = fitting_batch_size(characters, config.batch_size, length)
    if fitting < config.batch_size:
        note(f"The training text has {characters:,} characters: the batch shrinks to {fitting} streams.")
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


def _joined_vocabulary(dataset: Dataset, base: Model, chosen: TransferConfig, note: Note) -> Vocabulary:
    """Return the vocabulary of the new model: the base's, with new symbols behind it if they are to be added."""
    new = [symbol for symbol in dataset.vocabulary.symbols if symbol not in base.vocabulary.ids]
    if not new:
        return base.vocabulary
    listed = " ".join(map(repr, new[:20])) + (" ..." if len(new) > 20 else "")
    if chosen.new_symbols == "error":
        raise DataError(f"{dataset.path} has {len(new)} symbols that {base.path} never saw: {listed}")
    if chosen.new_symbols == "drop":
        note(f"{len(new)} symbols are new to the base model and are left out: {listed}")
        return base.vocabulary
    note(f"{len(new)} symbols are new to the base model and are added: {listed}")
    return base.vocabulary.extended(dataset.vocabulary)


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
