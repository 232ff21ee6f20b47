"""One trial: trained, or gone on with, and scored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import DataError, DivergedError
from charlstm.evaluation.documents import document_losses
from charlstm.experiments.paths import base_path, dataset_path, model_path, trial_path
from charlstm.experiments.plan import Trial
from charlstm.experiments.settings import training_of
from charlstm.model.weights import extend_vocabulary
from charlstm.store import atomic
from charlstm.store.checkpoints import has_checkpoints
from charlstm.store.dataset_directory import Dataset, load_dataset
from charlstm.store.model_directory import Weights, load_model
from charlstm.store.sweep_file import SweepFile
from charlstm.store.trial_result import TrialResult, write_result
from charlstm.training.compiled import scorer_of
from charlstm.training.execution import Note, ObserverFactory, RunOptions
from charlstm.training.report import Report, report_of
from charlstm.training.runs import NetworkOptions, pretrain, transfer

# What a report and a result both say, by the same names.
FROM_REPORT = (
    *("valid_nats_per_char", "parameters", "trained_parameters", "epochs", "training_seconds", "stopped_by"),
)


def run_trial(
    out: Path, sweep: SweepFile, trial: Trial, checkpoint_minutes: float, observe: ObserverFactory, note: Note
) -> None:
    """Run a trial to its end, in its existing and locked directory.

    Args:
        out: the sweep's directory.
        sweep: what it holds.
        trial: one of its trials.
        checkpoint_minutes: the time after which a checkpoint is taken in the middle of an epoch too.
        observe: makes the observer of the training.
        note: takes sentences for the user.

    Raises:
        StoppedError: a signal ended the training; the trial can be gone on with.
    """
    directory = trial_path(out, trial)
    atomic.remove_leftovers(directory)
    if trial.kind == "untouched":
        result = _score_untouched(out, trial, sweep)
    else:
        result = _train_and_score(out, sweep, trial, checkpoint_minutes, observe, note)
    write_result(directory, result)


def _train_and_score(
    out: Path, sweep: SweepFile, trial: Trial, checkpoint_minutes: float, observe: ObserverFactory, note: Note
) -> TrialResult:
    path = model_path(out, trial)
    dataset = load_dataset(dataset_path(out, trial.fraction))
    characters = len(dataset.splits["train"])
    options = RunOptions(
        texts=[str(dataset.path)],
        out=path,
        overwrite=False,
        resume=True,
        preset=sweep.preset,
        checkpoint_minutes=checkpoint_minutes,
        dropout=sweep.dropout,
        training=training_of(sweep, trial, characters),
        given={},
    )
    if path.exists() and not has_checkpoints(path):
        # It was killed before it had anything to lose.
        shutil.rmtree(path)
    try:
        report = _train(out, sweep, trial, options, observe, note)
    except DivergedError as problem:
        note(f"{trial.name}: {problem}")
        report = report_of(path)
    model = load_model(path)
    known = {name: getattr(report, name) for name in FROM_REPORT}
    return _scored(model.config, model.vocabulary, model.weights, dataset, known)


def _train(
    out: Path, sweep: SweepFile, trial: Trial, options: RunOptions, observe: ObserverFactory, note: Note
) -> Report:
    if options.is_begun:
        # Where the sweep stood when the run began may have another name on this machine.
        options = replace(options, texts=())
    if trial.kind == "scratch":
        return pretrain(options, NetworkOptions(len(trial.units), trial.units), observe, note)
    assert trial.layers is not None
    assert trial.base is not None
    return transfer(
        options, base_path(out, trial.base), trial.layers, sweep.freeze_head, sweep.new_symbols, observe, note
    )


def _score_untouched(out: Path, trial: Trial, sweep: SweepFile) -> TrialResult:
    assert trial.base is not None
    base = load_model(base_path(out, trial.base))
    dataset = load_dataset(dataset_path(out, trial.fraction))
    vocabulary = base.vocabulary.extended(dataset.vocabulary) if sweep.new_symbols == "extend" else base.vocabulary
    config, weights = extend_vocabulary(base.config, base.weights, base.vocabulary, vocabulary)
    nothing = {"trained_parameters": 0, "epochs": 0.0, "training_seconds": 0.0, "stopped_by": ""}
    return _scored(config, vocabulary, weights, dataset, {"parameters": config.parameters, **nothing})


def _scored(
    config: ModelConfig, vocabulary: Vocabulary, weights: Weights, dataset: Dataset, known: dict[str, Any]
) -> TrialResult:
    """Score the texts of a dataset with a model, the test text document by document.

    Args:
        config: the network.
        vocabulary: of the model.
        weights: of the model.
        dataset: with the texts.
        known: the fields of the result that are known already: all of what a training took.
    """
    scorer = scorer_of(config, weights)
    ids = {name: vocabulary.translate(split, dataset.vocabulary)[0] for name, split in dataset.splits.items()}
    if (short := next((name for name, split in ids.items() if len(split) < 2), None)) is not None:
        raise DataError(f"{dataset.path} has no {short} text left once symbols that the base lacks are dropped")
    starts = vocabulary.translate_starts(dataset.documents["test"], dataset.splits["test"], dataset.vocabulary)
    test = document_losses(scorer, ids["test"], starts)
    if "valid_nats_per_char" not in known:
        known = {**known, "valid_nats_per_char": scorer.score(ids["valid"]).nats_per_char}
    return TrialResult(
        train_nats_per_char=scorer.score(ids["train"]).nats_per_char,
        test_nats=tuple(test.nats.tolist()),
        test_chars=tuple(test.chars.tolist()),
        padded_nats_per_char=test.padded_nats_per_char,
        **known,
    )
