"""What a training is given, and what it tells to whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.data.batches import Batches, Ids
from charlstm.store.checkpoints import Checkpoint
from charlstm.store.history import Evaluation
from charlstm.store.model_directory import Weights


@dataclass(frozen=True)
class Job:
    """Everything that one training needs.

    Attributes:
        model: the network.
        training: how to train it.
        trained: the names of the weights that change.
        masks: name -> array that multiplies the gradient, for weights that change only in part.
        train: the training text, (N,).
        batches: the same in batches.
        valid: the validation text; with fewer than two symbols, the last usable weights are the result.
    """

    model: ModelConfig
    training: TrainingConfig
    trained: list[str]
    masks: Mapping[str, NDArray[np.float32]]
    train: Ids
    batches: Batches
    valid: Ids


@dataclass(frozen=True)
class Progress:
    """Where a training stands, after some steps.

    Attributes:
        step: updates so far.
        total_steps: updates until the end, as far as known.
        epoch: passes over the training text so far.
        nats_per_char: the mean training loss since the last evaluation.
        chars_per_second: over the training steps since the last evaluation.
        seconds_left: until the end by the pace of this process, None before it has one.
    """

    step: int
    total_steps: int
    epoch: float
    nats_per_char: float
    chars_per_second: float
    seconds_left: float | None


class Keeper(Protocol):
    """Where checkpoints go."""

    def offer(self, capture: Callable[[], Checkpoint], *, is_wanted: bool) -> None:
        """Take a checkpoint, if it is wanted (after an evaluation) or the last one is old."""

    def newest(self, until: int | None = None) -> Checkpoint:
        """Return the newest checkpoint, or the newest up to a step."""


class Observer(Protocol):
    """What a training tells about itself while it runs."""

    def stepped(self, progress: Progress) -> None:
        """Take note of some steps that were made."""

    def evaluated(self, evaluation: Evaluation, is_best: bool, weights: Callable[[], Weights]) -> None:
        """Take note of an evaluation; `weights` gives the network as it is now."""

    def ended(self) -> None:
        """Take note that there will be no more, for whatever reason."""
