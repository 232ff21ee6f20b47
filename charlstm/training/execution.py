"""How a run is carried out: begun or gone on with, to its end or to a signal."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from charlstm.config import UNKNOWN_OF_LEVEL, CorpusConfig, Level, ModelConfig, PresetName
from charlstm.data.batches import Batches, Ids, batches_of
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import CharlstmError, DivergedError, ModelError, StoppedError
from charlstm.model.weights import Array, extend_vocabulary, initial_weights, new_symbol_masks
from charlstm.store import atomic, json_file
from charlstm.store.checkpoints import CHECKPOINTS, Shapes, check_size, has_checkpoints
from charlstm.store.dataset_directory import Dataset, load_dataset
from charlstm.store.given_text import check_is_learnable, open_dataset
from charlstm.store.lock import locked
from charlstm.store.model_directory import DATASET, VOCABULARY, Weights, load_model, weight_shapes
from charlstm.store.run_file import RUN, RunFile, read_run, write_run
from charlstm.store.runs import directory_of, name_newest
from charlstm.training.compiled import scorer_of, training_network
from charlstm.training.job import Job, Observer
from charlstm.training.keeper import CheckpointKeeper
from charlstm.training.loop import Trainer
from charlstm.training.memory import check_memory
from charlstm.training.phases import Phase, carried_over, phases_of
from charlstm.training.position import position_of
from charlstm.training.report import Report, loss_of, report_of, save_result
from charlstm.training.resume import check_unchanged, extended_run
from charlstm.training.signals import stop_requests
from charlstm.training.slots import slot_shapes

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
    preset: PresetName
    checkpoint_minutes: float
    dropout: tuple[float, ...] | None
    training: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def is_begun(self) -> bool:
        """Whether there is a run to go on with."""
        return self.resume and (self.out / RUN).exists()


@dataclass(frozen=True)
class Start:
    """What a run begins with, before anything of it is on disk.

    Attributes:
        run: what is asked for; its `dataset` is filled in later.
        vocabulary: of the new model.
    """

    run: RunFile
    vocabulary: Vocabulary


# Told of the job and the vocabulary before training begins, it returns what watches the training.
ObserverFactory = Callable[[Job, Vocabulary], Observer]


def go_on(options: RunOptions, observe: ObserverFactory, note: Note) -> Report:
    """Go on with a run that was begun, to its end.

    Args:
        options: where it stands, and what is to be extended.
        observe: makes the observer.
        note: takes sentences for the user.
    """
    # While it trains, runs/latest may come to name another model.
    options = replace(options, out=directory_of(options.out))
    with locked(options.out):
        run = extended_run(read_run(options.out), options.texts, options.given)
        return _train(options, run, observe, note)


def begin(
    options: RunOptions,
    start: Callable[[Dataset], Start],
    observe: ObserverFactory,
    note: Note,
    level: Level = "char",
    bases: Sequence[Path] = (),
) -> Report:
    """Carry out a run from its beginning to its end.

    Args:
        options: what to work on, and how.
        start: makes what the run begins with, of its dataset.
        observe: makes the observer.
        note: takes sentences for the user.
        level: what a symbol of a text is that is no dataset yet.
        bases: the model directories that it reads.
    """
    out = options.out
    if options.resume and out.exists():
        raise ModelError(f"{out} holds no {RUN}, so there is no run in it to go on with")
    if options.overwrite:
        atomic.refuse_to_replace(out, [*map(Path, options.texts), *bases])
    with atomic.new_directory(out, overwrite=options.overwrite) as directory:
        # In the same parts whatever the random seed of the run, so that runs of several are judged by the same text.
        corpus = CorpusConfig(level=level, unknown=UNKNOWN_OF_LEVEL[level])
        dataset = open_dataset(options.texts, corpus, directory / DATASET)
        check_is_learnable(dataset)
        begun = start(dataset)
        run = replace(begun.run, dataset=_describe(dataset, directory, out))
        write_run(directory, run)
        json_file.write_json(directory / VOCABULARY, begun.vocabulary.to_json())
    with locked(out):
        return _train(options, run, observe, note)


def _train(options: RunOptions, run: RunFile, observe: ObserverFactory, note: Note) -> Report:
    """Carry out the run in a locked directory, from its first weights or from its newest checkpoint."""
    out = options.out
    dataset = load_dataset(out / run.dataset["path"])
    check_unchanged(run, dataset, out)
    vocabulary = Vocabulary.from_json(json_file.read_json(out / VOCABULARY, ModelError), ModelError)
    characters = {name: int(size["characters"]) for name, size in dataset.summary["splits"].items()}
    splits = {name: vocabulary.translate(ids, dataset.vocabulary)[0] for name, ids in dataset.splits.items()}
    if len(vocabulary) != run.model.vocabulary_size:
        raise ModelError(
            f"{out / VOCABULARY} has {len(vocabulary)} symbols, but {RUN} says {run.model.vocabulary_size}"
        )
    atomic.remove_leftovers(out)
    phases = phases_of(run.model, run.training, run.trained)
    has_checkpoint = has_checkpoints(out)
    if has_checkpoint:
        check_size(out, phases[0].model)
    atomic.remove_leftovers(out / CHECKPOINTS)
    check_memory(run.model, run.training)
    starts = vocabulary.translate_starts(dataset.documents["train"], dataset.splits["train"], dataset.vocabulary)
    batches = batches_of(run.training, splits["train"], starts, vocabulary.end_of_document, run.model.target_offset)
    keeper = CheckpointKeeper(out, lambda position: _form_of(run, phases, position), options.checkpoint_minutes, note)

    def trainer_of(number: int, weights: Weights) -> Trainer:
        phase = phases[number]
        job = _job(run, phase, splits, batches)
        if len(phases) > 1:
            note(f"Phase {number + 1} of {len(phases)}.")
        compiled = training_network(phase.model, phase.training.precision)
        observer = observe(job, vocabulary)
        watched.callback(observer.ended)
        return Trainer(job, compiled, weights, observer, out)

    again = f"charlstm {run.command} --resume -o {shlex.quote(str(out))}"
    with _within_memory(again), stop_requests() as stop_signal, contextlib.ExitStack() as watched:

        def heed() -> None:
            if number := stop_signal():
                raise StoppedError(f"stopped; go on with: {again}", number)

        is_extended = read_run(out).training != run.training

        # In functions of their own: what they read must not stay in memory while the network is trained.
        def from_checkpoint() -> Trainer:
            checkpoint = keeper.newest()
            trainer = trainer_of(position_of(checkpoint).phase, checkpoint.weights)
            trainer.restore(checkpoint)
            if is_extended:
                trainer.extend()
                # In this order: a run that is longer than what its checkpoint says would end with that.
                keeper.write(trainer.capture())
                write_run(out, run)
            return trainer

        def from_first_weights() -> Trainer:
            if is_extended:
                write_run(out, run)
            first = first_weights(run, vocabulary)
            trainer = trainer_of(0, first if phases[0].model == run.model else carried_over(phases[0], {}))
            if run.command == "transfer":
                loss = loss_of(scorer_of(run.model, first), splits["test"], heed)
                trainer.position.base_test_nats_per_char = loss or -1.0
            keeper.write(trainer.capture())
            return trainer

        trainer = from_checkpoint() if has_checkpoint else from_first_weights()
        if trainer.position.is_finished:
            watched.close()
            note(f"{out} is finished.")
            return report_of(out)
        if has_checkpoint:
            note(f"Going on from step {trainer.position.step:,}.")
        while True:
            try:
                trainer.run(keeper, heed)
            except DivergedError:
                keeper.wait()
                # A phase that has added a layer and learned nothing yet leaves the model of the one before.
                if trainer.position.phase == 0 or trainer.position.best_row >= 0:
                    save_result(out, run, vocabulary, trainer, splits, characters, heed)
                raise
            except StoppedError as stopped:
                # From the newest checkpoint, steps that were not finite are made once more, and may be gone back from.
                if trainer.position.bad_steps:
                    keeper.wait()
                    saved = "everything up to the last checkpoint"
                else:
                    keeper.write(trainer.capture())
                    saved = "everything"
                raise StoppedError(
                    f"stopped at step {trainer.position.step:,}, with {saved} saved; go on with: {again}",
                    stopped.signal_number,
                ) from None
            watched.close()
            following = trainer.position.phase + 1
            if following == len(phases):
                break
            if phases[following].model != trainer.job.model:
                save_result(out, run, vocabulary, trainer, splits, characters, heed)
            before, trainer = trainer, trainer_of(following, carried_over(phases[following], trainer.best))
            trainer.follow(before)
            del before  # What it kept of the outputs of frozen layers would stay on disk.
            keeper.write(trainer.capture())
        last = trainer.capture()
        report = save_result(out, run, vocabulary, trainer, splits, characters, heed)
        # In this order: once its last checkpoint is written, nothing more is done for the run.
        name_newest(out)
        keeper.write(last)
    return report


@contextlib.contextmanager
def _within_memory(again: str) -> Iterator[None]:
    """Say in a sentence, with the command to go on, when memory does not suffice."""
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise CharlstmError(
            "memory ran out in training: begin again with a smaller --batch-size or fewer --units, or go on when there "
            f"is more: {again}"
        ) from None


def _job(run: RunFile, phase: Phase, splits: Mapping[str, Ids], batches: Batches) -> Job:
    trained, masks = _trained(run, phase)
    return Job(
        model=phase.model,
        training=phase.training,
        trained=trained,
        masks=masks,
        train=splits["train"],
        batches=batches,
        valid=splits["valid"],
    )


def _trained(run: RunFile, phase: Phase) -> tuple[list[str], dict[str, Array]]:
    """Return the names of the weights that change in a phase, and the masks of those that change only in part."""
    masks = {}
    if run.new_symbols:
        size = phase.model.vocabulary_size
        added = np.arange(size) >= size - run.new_symbols
        masks = new_symbol_masks(phase.model, added, read=run.new_symbols_read)
        masks = {name: mask for name, mask in masks.items() if name not in phase.trained}
    return [name for name in weight_shapes(phase.model) if name in phase.trained or name in masks], masks


def _form_of(run: RunFile, phases: list[Phase], position: Mapping[str, Any]) -> tuple[ModelConfig, Shapes]:
    """Return the network and the other arrays of a checkpoint."""
    number = position.get("phase", 0)
    if type(number) is not int or not 0 <= number < len(phases):
        raise ModelError(f"its phase is {str(number)[:20]}, but the run has {len(phases)}")
    phase = phases[number]
    return phase.model, slot_shapes(phase.model, phase.training, _trained(run, phase)[0])


def first_weights(run: RunFile, vocabulary: Vocabulary) -> Weights:
    """Return the weights that a run begins with, for the vocabulary of its model."""
    if run.base is None:
        return initial_weights(run.model, run.training.random_seed)
    base = load_model(Path(run.base))
    if base.sha256 != run.lineage[-1].get("sha256"):
        raise ModelError(f"{base.path} is not the model that the run began with: begin again, with --overwrite")
    return extend_vocabulary(base.config, base.weights, base.vocabulary, vocabulary)[1]


def _describe(dataset: Dataset, directory: Path, out: Path) -> dict[str, Any]:
    """Return what a model directory says of its dataset; paths are relative to it, so that all can move together."""
    inside = dataset.path.parent == directory
    path = DATASET if inside else os.path.relpath(dataset.path.resolve(), out.resolve())
    sources = {"sources_from": os.path.relpath(Path.cwd(), out.resolve())} if inside else {}
    return {"path": path, **sources, "fingerprint": dataset.fingerprint, **dataset.summary}
