"""The rate range test: a training in which the learning rate grows until the loss does."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from charlstm.config import CorpusConfig
from charlstm.data.batches import batches_of
from charlstm.errors import DataError
from charlstm.store.given_text import check_is_learnable, open_dataset
from charlstm.training.compiled import training_network
from charlstm.training.execution import Note, RunOptions, first_weights
from charlstm.training.runs import NetworkOptions, pretrain_start
from charlstm.training.step import StepInputs

# How much of the mean of the losses before stays at each step: one batch says little.
SMOOTHING = 0.9
# The test ends where the loss is so many times the least one.
DIVERGED = 2.0


@dataclass(frozen=True)
class RateRange:
    """What a test found.

    Attributes:
        rates: the learning rate of each update, rising.
        losses: the training loss at each, in nats per symbol, smoothed.
        suggestion: the rate at which the loss falls fastest; None where it never falls.
        unit: what a symbol is: "character" or "word".
    """

    rates: list[float]
    losses: list[float]
    suggestion: float | None
    unit: str


def find_rate(
    options: RunOptions, network: NetworkOptions, lowest: float, highest: float, steps: int, note: Note
) -> RateRange:
    """Train with a rate that grows from update to update, and leave nothing behind.

    Args:
        options: what to train on, and how.
        network: the network to train.
        lowest: the first rate.
        highest: the last rate, if the training does not diverge before.
        steps: updates, at least 2.
        note: takes sentences for the user.

    Raises:
        DataError: the text cannot be used, or there is too little of it.
        OptionError: options that do not fit together.

    Source: Smith, Cyclical Learning Rates, 2015, arXiv:1506.01186; here with a rate that grows by the same factor at
    each update, since nothing is known of its size.
    """
    with tempfile.TemporaryDirectory(prefix="charlstm-") as scratch:
        dataset = open_dataset(options.texts, CorpusConfig(), Path(scratch) / "dataset")
        check_is_learnable(dataset)
        start = pretrain_start(options, network, dataset, note)
        train, run = np.asarray(dataset.splits["train"]), start.run
        starts, end = dataset.documents["train"], dataset.vocabulary.end_of_document
        batches = batches_of(run.training, train, starts, end, run.model.target_offset)
        compiled = training_network(run.model, run.training.precision)
        compiled.network.assign(first_weights(run, start.vocabulary))
        training_step = compiled.training_step(run.training, run.trained, {})
        state = compiled.network.zero_state(run.training.batch_size)
        rates, losses, mean, least = [], [], RunningMean(), math.inf
        for step in range(steps):
            rate = lowest * (highest / lowest) ** (step / (steps - 1))
            if batches.begins_anew(step):
                state = compiled.network.zero_state(run.training.batch_size)
            inputs, targets, scored = batches(step)
            result = training_step([StepInputs(inputs, targets, step, rate, step + 1, scored)], state)
            if not result.nats_per_char:
                break
            state = result.state
            rates.append(rate)
            losses.append(mean.after(result.nats_per_char[0]))
            least = min(least, losses[-1])
            if losses[-1] > DIVERGED * least:
                break
    if len(rates) < 2:
        raise DataError(f"the loss is not finite at a learning rate of {lowest:g} already: give a smaller --lowest")
    return RateRange(rates, losses, suggested(rates, losses), dataset.vocabulary.unit)


class RunningMean:
    """The mean of losses in which older ones fade, without a bias to the first."""

    def __init__(self) -> None:
        self._sum, self._number = 0.0, 0

    def after(self, loss: float) -> float:
        """Return the mean after one more loss."""
        self._number += 1
        self._sum = SMOOTHING * self._sum + (1 - SMOOTHING) * loss
        return self._sum / (1 - SMOOTHING**self._number)


def suggested(rates: Sequence[float], losses: Sequence[float]) -> float | None:
    """Return the rate at which the loss falls fastest in the logarithm of the rate, before the least loss."""
    least = int(np.argmin(losses))
    if least < 1:
        return None
    slopes = np.gradient(np.asarray(losses), [math.log(rate) for rate in rates])
    return float(rates[int(np.argmin(slopes[:least]))])
