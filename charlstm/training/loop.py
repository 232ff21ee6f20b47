"""The only training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.data.batches import Ids, StreamBatches
from charlstm.model.network import Network, State
from charlstm.model.weights import Array
from charlstm.store.history import Evaluation
from charlstm.store.model_directory import Weights
from charlstm.training.schedules import schedule_of
from charlstm.training.scoring import Scorer
from charlstm.training.step import TrainingStep
from charlstm.training.tiling import tiling_for

# The loss is looked at after every epoch, in long epochs also every so many steps; but not so often that looking, at a
# third of the cost of training, takes more than about a tenth of the time.
STEPS_BETWEEN_EVALUATIONS = 250
TRAINED_PER_VALIDATED = 4
# A longer validation text is judged by its beginning while training; the end of a run reports on all of it.
VALIDATION_CHARS = 500_000
# How much of the time of a run with a limit goes by before its length in steps is first estimated.
FIRST_ESTIMATE = 0.02

StoppedBy = Literal["epochs", "max_minutes", "patience"]


@dataclass(frozen=True)
class Job:
    """Everything that one training needs.

    Attributes:
        model: the network.
        training: how to train it.
        weights: its first weights.
        trained: the names of the weights that change.
        masks: name -> array that multiplies the gradient, for weights that change only in part.
        train: the training text, (N,).
        valid: the validation text; with fewer than two symbols, the last weights are the result.
    """

    model: ModelConfig
    training: TrainingConfig
    weights: Weights
    trained: list[str]
    masks: Mapping[str, NDArray[np.float32]]
    train: Ids
    valid: Ids


@dataclass(frozen=True)
class Progress:
    """Where a training stands, after a step.

    Attributes:
        step: updates so far.
        total_steps: updates until the end, as far as known.
        epoch: passes over the training text so far.
        chars: characters trained on so far.
        nats_per_char: the mean training loss since the last evaluation.
        chars_per_second: over the training steps since the last evaluation.
        seconds_left: until the end, as far as known.
    """

    step: int
    total_steps: int
    epoch: float
    chars: int
    nats_per_char: float
    chars_per_second: float
    seconds_left: float


class Observer(Protocol):
    """What a training tells about itself while it runs."""

    def stepped(self, progress: Progress) -> None:
        """Take note of a step."""

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        """Take note of an evaluation; `weights` gives the network as it is now."""


@dataclass
class Outcome:
    """What came of a training.

    Attributes:
        weights: those with the best validation loss.
        history: all evaluations.
        best: the evaluation of `weights`, None without a validation text.
        step: updates made.
        chars: characters trained on.
        seconds: time spent in training steps.
        epochs: passes over the training text.
        stopped_by: why it ended.
    """

    weights: dict[str, Array]
    history: list[Evaluation] = field(default_factory=list)
    best: Evaluation | None = None
    step: int = 0
    chars: int = 0
    seconds: float = 0.0
    epochs: float = 0.0
    stopped_by: StoppedBy = "epochs"


class Trainer:
    """One training from its first step to its last.

    Args:
        job: what to train on what.
        network: a network of the job's configuration; its weights are set.
        observer: is told of every step and evaluation.
    """

    def __init__(self, job: Job, network: Network, observer: Observer) -> None:
        self.job = job
        self.network = network
        self.observer = observer
        self.outcome = Outcome(dict(job.weights))
        config = job.training
        network.assign(job.weights)
        self.batches = StreamBatches(job.train, config.batch_size, config.sequence_length, config.random_seed)
        self.schedule = schedule_of(config)
        self.tiling = tiling_for(job.model, config)
        self.training_step = TrainingStep(network, config, job.trained, job.masks, self.tiling)
        self.scorer = Scorer(network)
        self.chars_per_step = config.batch_size * config.sequence_length
        self.total_steps = config.epochs * self.batches.steps_per_epoch
        self.evaluate_every = self._steps_between_evaluations()
        self._state: State = network.zero_state(config.batch_size)
        self._bad_evaluations = 0
        self._sum_nats, self._sum_steps, self._sum_seconds = 0.0, 0, 0.0
        self._elapsed = 0.0
        self._first_step_seconds = 0.0
        self._estimated = False

    def run(self) -> Outcome:
        """Train to the end and leave the best weights in the network."""
        outcome = self.outcome
        began = time.perf_counter() - self._elapsed
        while outcome.step < self.total_steps:
            self._train_one_step()
            self._elapsed = time.perf_counter() - began
            self._keep_to_time()
            self.observer.stepped(self._progress())
            if self._is_evaluation_due():
                self._evaluate()
                self._elapsed = time.perf_counter() - began
                if self._is_out_of_patience():
                    outcome.stopped_by = "patience"
                    break
        if outcome.best is None:
            outcome.weights = self.network.to_arrays()
        self.network.assign(outcome.weights)
        return outcome

    def _train_one_step(self) -> None:
        outcome, config = self.outcome, self.job.training
        began = time.perf_counter()
        if outcome.step % self.batches.steps_per_epoch == 0:
            self._state = self.network.zero_state(config.batch_size)
        inputs, targets = self.batches(outcome.step)
        rate = self.schedule(outcome.step, self.total_steps)
        result = self.training_step(inputs, targets, self._state, outcome.step, rate)
        self._state = result.state
        seconds = time.perf_counter() - began
        outcome.step += 1
        outcome.chars += self.chars_per_step
        outcome.seconds += seconds
        outcome.epochs = outcome.step / self.batches.steps_per_epoch
        self._sum_nats += result.nats_per_char
        self._sum_steps += 1
        self._sum_seconds += seconds
        if outcome.step == 1:
            self._first_step_seconds = seconds

    def _evaluate(self) -> None:
        outcome = self.outcome
        has_valid = len(self.job.valid) > 1
        valid = self.scorer.score(self.job.valid[:VALIDATION_CHARS]).nats_per_char if has_valid else math.nan
        evaluation = Evaluation(
            step=outcome.step,
            epoch=outcome.epochs,
            chars=outcome.chars,
            seconds=outcome.seconds,
            learning_rate=self.schedule(outcome.step - 1, self.total_steps),
            train_nats_per_char=self._sum_nats / self._sum_steps,
            valid_nats_per_char=valid,
        )
        outcome.history.append(evaluation)
        self._sum_nats, self._sum_steps, self._sum_seconds = 0.0, 0, 0.0
        is_best = has_valid and (outcome.best is None or valid < outcome.best.valid_nats_per_char)
        if is_best:
            outcome.best = evaluation
            outcome.weights = self.network.to_arrays()
        self._bad_evaluations = 0 if is_best else self._bad_evaluations + 1
        self.observer.evaluated(evaluation, is_best, self.network.to_arrays)

    def _keep_to_time(self) -> None:
        """Let a run with a time limit end with its schedule: set its length to the steps that will fit."""
        limit = self.job.training.max_minutes
        if limit is None:
            return
        outcome, seconds = self.outcome, limit * 60
        if self._elapsed >= seconds:
            self.total_steps = min(self.total_steps, outcome.step)
            outcome.stopped_by = "max_minutes"
            return
        is_first = not self._estimated and self._elapsed >= FIRST_ESTIMATE * seconds and outcome.step >= 3
        if is_first or (self._estimated and self._sum_steps == 1 and outcome.step > 1):
            self._estimated = True
            # The first step compiles, which says nothing about the others.
            per_step = (self._elapsed - self._first_step_seconds) / (outcome.step - 1)
            most = self.job.training.epochs * self.batches.steps_per_epoch
            fitting = outcome.step + max(1, int((seconds - self._elapsed) / per_step))
            self.total_steps = min(most, fitting)
            outcome.stopped_by = "epochs" if self.total_steps == most else "max_minutes"

    def _is_evaluation_due(self) -> bool:
        step = self.outcome.step
        within_epoch = step % self.batches.steps_per_epoch
        return within_epoch == 0 or within_epoch % self.evaluate_every == 0 or step >= self.total_steps

    def _is_out_of_patience(self) -> bool:
        patience = self.job.training.patience
        return patience > 0 and len(self.job.valid) > 1 and self._bad_evaluations >= patience

    def _steps_between_evaluations(self) -> int:
        validated = min(len(self.job.valid), VALIDATION_CHARS)
        wanted = max(STEPS_BETWEEN_EVALUATIONS, math.ceil(TRAINED_PER_VALIDATED * validated / self.chars_per_step))
        parts = max(1, round(self.batches.steps_per_epoch / wanted))
        return math.ceil(self.batches.steps_per_epoch / parts)

    def _progress(self) -> Progress:
        outcome = self.outcome
        left = self.total_steps - outcome.step
        seconds_left = left * self._elapsed / outcome.step
        if (limit := self.job.training.max_minutes) is not None:
            seconds_left = min(seconds_left, limit * 60 - self._elapsed)
        return Progress(
            step=outcome.step,
            total_steps=self.total_steps,
            epoch=outcome.epochs,
            chars=outcome.chars,
            nats_per_char=self._sum_nats / max(1, self._sum_steps),
            chars_per_second=self._sum_steps * self.chars_per_step / max(1e-9, self._sum_seconds),
            seconds_left=max(0.0, seconds_left),
        )
