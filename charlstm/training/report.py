"""What came of a run: the report, and the model directory that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from charlstm.config import ModelConfig
from charlstm.config_json import Config
from charlstm.data.batches import Ids
from charlstm.data.vocabulary import Vocabulary
from charlstm.errors import ModelError, OptionError
from charlstm.store.history import write_history
from charlstm.store.model_directory import CONFIG, HISTORY, Weights, read_config, save_model
from charlstm.store.run_file import RunFile
from charlstm.training.compiled import scoring_network
from charlstm.training.loop import Job, Trainer
from charlstm.training.scoring import Scorer


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


def save_result(out: Path, run: RunFile, vocabulary: Vocabulary, trainer: Trainer, splits: Mapping[str, Ids]) -> Report:
    """Write the model with the best weights so far and return what is to be said of it."""
    position = trainer.position
    # A run that ended in the midst of its phases has the network of that phase.
    model = trainer.job.model
    scorer = float32_scorer(model, trainer.best)
    base_loss = position.base_test_nats_per_char
    report = Report(
        model=str(out),
        valid_nats_per_char=loss_of(scorer, splits["valid"]),
        test_nats_per_char=loss_of(scorer, splits["test"]),
        base_test_nats_per_char=base_loss if base_loss >= 0 else None,
        parameters=model.parameters,
        trained_parameters=_count_trained(trainer.job),
        chars_trained=trainer.batches.chars_before(position.step),
        training_seconds=position.seconds,
        steps=position.step,
        epochs=position.step / trainer.batches.steps_per_epoch,
        stopped_by=position.stopped_by,
        precision=run.training.precision,
    )
    write_history(out / HISTORY, trainer.history)
    save_model(
        out,
        model,
        vocabulary,
        trainer.best,
        training=run.training.to_json(),
        dataset=run.dataset,
        lineage=run.lineage,
        result={name: value for name, value in asdict(report).items() if name != "model"},
    )
    return report


def report_of(out: Path) -> Report:
    """Return the report of a finished run."""
    result = read_config(out)["result"]
    try:
        return Report.from_json({**result, "model": str(out)})
    except OptionError as problem:
        raise ModelError(f"{out / CONFIG}: 'result' is not that of a run: {problem}") from None


def float32_scorer(model: ModelConfig, weights: Weights) -> Scorer:
    """Return what scores texts with these weights as `charlstm evaluate` does, whatever the training's precision."""
    compiled = scoring_network(model)
    compiled.network.assign(weights)
    return compiled.scorer


def loss_of(scorer: Scorer, ids: Ids) -> float | None:
    """Return the loss over a text in nats per character, None where there is none to score."""
    return scorer.score(ids).nats_per_char if len(ids) > 1 else None


def _count_trained(job: Job) -> int:
    count = 0
    for name in job.trained:
        shape = job.weights[name].shape
        mask = job.masks.get(name)
        count += int(np.prod(shape) if mask is None else np.broadcast_to(mask, shape).sum())
    return count
