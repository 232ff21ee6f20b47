"""A training small enough to look at each of its steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.data.batches import batches_of
from charlstm.errors import StoppedError
from charlstm.model.weights import initial_weights, layer_names
from charlstm.store.checkpoints import Checkpoint
from charlstm.store.history import Evaluation
from charlstm.store.model_directory import Weights
from charlstm.training.compiled import CompiledNetwork
from charlstm.training.job import Job, Progress
from charlstm.training.loop import Trainer
from charlstm.training.presets import size_of, training_config

MODEL = ModelConfig(5, (4, 3), (0.0, 0.0))
# 100 symbols are 5 steps of 2 x 10.
TEXT = np.random.default_rng(0).integers(0, 5, 100).astype(np.uint8)
VALID = np.random.default_rng(1).integers(0, 5, 30).astype(np.uint8)


def config(**given: object) -> TrainingConfig:
    usual = {"batch_size": 2, "sequence_length": 10, "epochs": 3, "patience": 0, "warmup_steps": 0}
    return training_config(size_of(100), (4, 3), "float32", {**usual, **given})


class Recorder:
    """A keeper and an observer that remember what they were given."""

    def __init__(self) -> None:
        self.evaluations: list[tuple[Evaluation, Weights]] = []
        self.checkpoints: list[Checkpoint] = []
        self.progress: list[Progress] = []

    def offer(self, capture: Callable[[], Checkpoint], *, is_wanted: bool) -> None:  # noqa: ARG002
        self.checkpoints.append(capture())

    def newest(self, until: int | None = None) -> Checkpoint:
        return next(each for each in reversed(self.checkpoints) if until is None or each.step <= until)

    def stepped(self, progress: Progress) -> None:
        self.progress.append(progress)

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:  # noqa: ARG002
        self.evaluations.append((evaluation, weights()))

    def ended(self) -> None:
        pass


def tiny_trainer(
    scratch: Path,
    recorder: Recorder,
    model: ModelConfig = MODEL,
    *,
    trained: list[str] | None = None,
    valid: NDArray[np.uint8] = VALID,
    steps_per_call: int = 1,
    **given: object,
) -> Trainer:
    training = config(**given)
    job = Job(
        model=model,
        training=training,
        trained=layer_names(model, range(model.layers), head=True) if trained is None else trained,
        masks={},
        train=TEXT,
        batches=batches_of(training, TEXT, np.zeros(1, np.int64), None),
        valid=valid,
    )
    trainer = Trainer(job, CompiledNetwork(model, "float32"), initial_weights(model, 3), recorder, scratch)
    assert trainer._training_step.steps_per_call > 1
    trainer._training_step.steps_per_call = steps_per_call
    return trainer


def train(trainer: Trainer, recorder: Recorder, steps: int = 10**9) -> bool:
    """Train for so many calls of steps, or to the end; return whether that came."""
    left = [steps]

    def heed() -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise StoppedError("stopped", 15)

    try:
        trainer.run(recorder, heed)
    except StoppedError:
        return False
    return True
