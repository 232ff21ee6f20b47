"""What a training takes from the literature besides its plain settings; each part off by default.

The parts are bases of TrainingConfig, so that an option is a field of one flat object.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from charlstm.config_json import Config, added, check

ScheduleName = Literal["constant", "cosine", "stlr", "cyclical", "sgdr", "one-cycle", "plateau", "step"]
CycleShape = Literal["triangular", "triangular2", "exp_range"]
UnfreezeName = Literal["none", "gradual", "chain"]

# Schedules without a rise of their own, which a warm-up precedes.
WARMED_UP: tuple[ScheduleName, ...] = ("constant", "cosine", "plateau", "step")
# Times of a schedule that follow each other faster cannot be counted any more at the end of a long run.
LEAST_EPOCHS = 0.001


@dataclass(frozen=True, kw_only=True)
class ScheduleFields(Config):
    """How the learning rate moves.

    Attributes:
        min_learning_rate: the lowest rate of the schedule; None for what its source takes.
        cycle: how the cycles of a cyclical rate shrink.
        cycle_epochs: epochs of a cycle of `cyclical` and of the first one of `sgdr`; None for cycles of about four
            epochs and one epoch, the last of which ends with the run.
        cycle_growth: how many times as long a cycle of `sgdr` is as the one before.
        decay: what the rate is multiplied by, again and again, in `step`, `plateau` and `exp_range`.
        decay_epochs: epochs between two such times in `step`; several are the epochs after which they are.
        decay_after: epochs before the first of the times of `step`.
        decay_patience: epochs in a row without a new best loss at their end after which `plateau` decays.
    """

    min_learning_rate: float | None = added(None)
    cycle: CycleShape = added("triangular")
    cycle_epochs: float | None = added(None)
    cycle_growth: float = added(2.0)
    decay: float = added(0.85)
    decay_epochs: tuple[float, ...] = added((1.0,))
    decay_after: float = added(0.0)
    decay_patience: int = added(1)

    def check_schedule(self, learning_rate: float) -> None:
        """Raise an OptionError for a value that is out of range."""
        if (lowest := self.min_learning_rate) is not None:
            wants = f"must be at least 0 and at most the learning rate, {learning_rate:g}"
            check(0 <= lowest <= learning_rate, "min-learning-rate", lowest, wants)
        if (cycle := self.cycle_epochs) is not None:
            wants = f"must be {LEAST_EPOCHS} or more and finite"
            check(LEAST_EPOCHS <= cycle < math.inf, "cycle-epochs", cycle, wants)
        check(1 <= self.cycle_growth < math.inf, "cycle-growth", self.cycle_growth, "must be 1 or more and finite")
        check(0 < self.decay <= 1, "decay", self.decay, "must be above 0 and at most 1")
        given = ",".join(f"{epochs:g}" for epochs in self.decay_epochs)
        are_apart = len(self.decay_epochs) > 0 and all(LEAST_EPOCHS <= each < math.inf for each in self.decay_epochs)
        check(are_apart, "decay-epochs", given, f"needs numbers of {LEAST_EPOCHS} or more")
        rises = all(low < high for low, high in zip(self.decay_epochs, self.decay_epochs[1:], strict=False))
        check(rises, "decay-epochs", given, "needs each number above the one before")
        check(0 <= self.decay_after < math.inf, "decay-after", self.decay_after, "must be 0 or more and finite")
        check(self.decay_patience >= 1, "decay-patience", self.decay_patience, "must be 1 or more")


@dataclass(frozen=True, kw_only=True)
class UpdateFields(Config):
    """How the updates of layers differ.

    Attributes:
        layer_rate_decay: what the learning rate is divided by from each layer to the one below it; 1 for one rate.
        layer_rates: the highest rate of each LSTM layer, from the bottom, and maybe of the head, which else has the
            learning rate; empty for none of their own.
        rmsprop_decay: how much of its mean of squared gradients RMSprop keeps at each update.
        non_monotone: how many of the last epochs do not count when `nt-asgd` asks whether the loss at the end of one is
            worse than the best before, and begins to average.
        weight_decay: the share of a weight that each update takes away, times the learning rate; 0 disables.
    """

    layer_rate_decay: float = added(1.0)
    layer_rates: tuple[float, ...] = added(())
    weight_decay: float = added(0.0)
    rmsprop_decay: float = added(0.99)
    non_monotone: int = added(5)

    def check_updates(self) -> None:
        """Raise an OptionError for a value that is out of range, or two that contradict each other."""
        decay = self.layer_rate_decay
        check(0.001 <= decay <= 1000, "layer-rate-decay", decay, "must be between 0.001 and 1000")
        given = ",".join(f"{rate:g}" for rate in self.layer_rates)
        check(all(0 <= rate < math.inf for rate in self.layer_rates), "layer-rates", given, "needs rates of 0 or more")
        is_one = not self.layer_rates or self.layer_rate_decay == 1
        check(is_one, "layer-rates", given, "sets what --layer-rate-decay would: give one of them")
        check(0 <= self.weight_decay < 1, "weight-decay", self.weight_decay, "must be at least 0 and below 1")
        check(0 <= self.rmsprop_decay < 1, "rmsprop-decay", self.rmsprop_decay, "must be at least 0 and below 1")
        check(self.non_monotone >= 0, "non-monotone", self.non_monotone, "must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class RegularizerFields(Config):
    """What makes it harder for a network to learn a text by heart; in training only, besides the layers' dropout.

    Attributes:
        locked_dropout: whether the masks of the input's and the layers' dropout stay the same for a whole sequence.
        input_dropout: the share of the embedded input that is dropped.
        embedding_dropout: the share of symbols that are dropped for a whole sequence.
        weight_drop: the share of recurrent weights that are dropped for a whole sequence.
        activation_regularization: weight of the mean squared output of the highest layer, after dropout.
        temporal_activation_regularization: weight of the mean squared change of its output from step to step, before
            dropout.
    """

    locked_dropout: bool = added(False)
    input_dropout: float = added(0.0)
    embedding_dropout: float = added(0.0)
    weight_drop: float = added(0.0)
    activation_regularization: float = added(0.0)
    temporal_activation_regularization: float = added(0.0)

    @property
    def is_noise_below(self) -> bool:
        """Whether more is drawn at random below the outputs of a layer than its own dropout."""
        return self.input_dropout > 0 or self.embedding_dropout > 0 or self.weight_drop > 0

    def check_regularizers(self) -> None:
        """Raise an OptionError for a value that is out of range."""
        for name in ("input_dropout", "embedding_dropout", "weight_drop"):
            share = getattr(self, name)
            check(0 <= share < 1, name.replace("_", "-"), share, "must be at least 0 and below 1")
        for name in ("activation_regularization", "temporal_activation_regularization"):
            weight = getattr(self, name)
            check(0 <= weight < math.inf, name.replace("_", "-"), weight, "must be 0 or more and finite")


@dataclass(frozen=True, kw_only=True)
class PhaseFields(Config):
    """How a run is parted into phases that follow each other; see `training.phases`.

    Attributes:
        gradual: whether there is a phase for each layer, which adds it to the layers before.
        phase_epochs: epochs of each phase but the last, which has the others; empty where there is one phase.
        phase_dropout: for each phase of a gradual run the dropout of its layers; empty for that of the whole network.
        unfreeze: whether the retrained layers begin to train one after the other, or train each alone and then all.
        unfreeze_every: epochs between two of these phases.
    """

    gradual: bool = added(False)
    phase_epochs: tuple[int, ...] = added(())
    phase_dropout: tuple[tuple[float, ...], ...] = added(())
    unfreeze: UnfreezeName = added("none")
    unfreeze_every: int = added(1)

    def check_phases(self) -> None:
        """Raise an OptionError for a value that is out of range, or one of a method that is off."""
        given = ",".join(map(str, self.phase_epochs))
        check(all(epochs >= 1 for epochs in self.phase_epochs), "phase-epochs", given, "needs numbers of 1 or more")
        check(self.unfreeze_every >= 1, "unfreeze-every", self.unfreeze_every, "must be 1 or more")
        lists = ";".join(",".join(f"{rate:g}" for rate in rates) for rates in self.phase_dropout)
        check(self.gradual or not lists, "phase-dropout", lists, "is of the phases of --gradual: give that too")
        has_phases = self.gradual or self.unfreeze != "none"
        check(has_phases or not given, "phase-epochs", given, "is of the phases of --gradual: give that too")
