"""What a training does about its validation losses: it counts the bad ones, lowers its rate, begins to average."""

from __future__ import annotations

import math
from collections.abc import Sequence

from charlstm.config import TrainingConfig
from charlstm.training.position import Position


def react_to_evaluation(position: Position, *, is_best: bool) -> None:
    """Take note in a position of an evaluation: whether it is the best so far."""
    position.bad_evaluations = 0 if is_best else position.bad_evaluations + 1


def reacts_to_epochs(config: TrainingConfig) -> bool:
    """Tell whether a training does something about the validation loss at the end of each epoch."""
    return config.schedule == "plateau" or config.optimizer == "nt-asgd"


def react_to_epoch(position: Position, config: TrainingConfig, losses: Sequence[float]) -> None:
    """Lower the rate, or begin to average, as the validation losses say.

    Once an epoch, as the sources of both do, however many evaluations there are between.

    Args:
        position: of the training, at the end of an epoch; changed in place.
        config: how it is trained.
        losses: the validation losses at the ends of the epochs of the phase so far, the newest at the end.
    """
    *before, newest = losses
    is_best = newest < min(before, default=math.inf)
    position.bad_since_decay = 0 if is_best else position.bad_since_decay + 1
    if config.schedule == "plateau" and position.bad_since_decay >= config.decay_patience:
        position.decays, position.bad_since_decay = position.decays + 1, 0
    is_averaging = position.averaged_from >= 0
    if config.optimizer == "nt-asgd" and not is_averaging and begins_averaging(losses, config.non_monotone):
        position.averaged_from = position.updates


def begins_averaging(losses: Sequence[float], non_monotone: int) -> bool:
    """Tell whether the newest loss is worse than the best of all but the last `non_monotone` before it.

    Source: Merity, Keskar and Socher, AWD-LSTM, 2017, arXiv:1708.02182, algorithm 1.
    """
    *before, newest = losses
    return len(before) > non_monotone and newest > min(before[: len(before) - non_monotone])


def share_of_newest(position: Position, update: int) -> float:
    """Return the share of an update's weights in their average: all, until there is an average of several."""
    return 1.0 if position.averaged_from < 0 else 1 / (update - position.averaged_from)
