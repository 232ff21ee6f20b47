"""Networks with what is compiled of them, kept for the next run of this process that has the same shape.

Tracing one training step and one evaluation step takes as long as hundreds of steps of a small network.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig, Precision, TrainingConfig
from charlstm.model.network import Network
from charlstm.store.model_directory import Weights
from charlstm.training.scoring import Scorer
from charlstm.training.step import COMPILED_OPTIONS, TrainingStep

# A graph that is unrolled over time takes some ten megabytes.
NETWORKS, STEPS = 4, 2

Masks = Mapping[str, NDArray[np.float32]]


class CompiledNetwork:
    """A network, and the compiled steps that score texts with it and train it.

    Args:
        config: the network.
        precision: of its matrix products.

    Attributes:
        network: the network; its weights are whatever its last user assigned.
        scorer: scores texts with it.
    """

    def __init__(self, config: ModelConfig, precision: Precision) -> None:
        self.network = Network(config, precision)
        self.scorer = Scorer(self.network)
        self._steps: dict[object, TrainingStep] = {}

    def training_step(
        self, config: TrainingConfig, trained: list[str], masks: Masks, first_layer: int = 0
    ) -> TrainingStep:
        """Return a training step as if it were new; the arguments are those of TrainingStep."""
        key = (
            *(getattr(config, option) for option in COMPILED_OPTIONS),
            config.learning_rate if config.layer_rates else None,
            *(tuple(trained), first_layer),
            *((name, mask.shape, mask.tobytes()) for name, mask in masks.items()),
        )
        step = self._steps.pop(key, None) or TrainingStep(self.network, config, trained, masks, first_layer)
        while len(self._steps) >= STEPS:
            del self._steps[next(iter(self._steps))]  # the one that was not used for the longest time
        self._steps[key] = step
        step.begin(config.random_seed)
        return step


@functools.lru_cache(maxsize=NETWORKS)
def training_network(config: ModelConfig, precision: Precision) -> CompiledNetwork:
    """Return the network to train, for one run at a time."""
    return CompiledNetwork(config, precision)


def scorer_of(config: ModelConfig, weights: Weights) -> Scorer:
    """Return what scores texts with these weights, until it is asked for with others.

    It does so in float32 whatever the precision of the training: losses compare.
    """
    compiled = _scoring_network(replace(config, dropout=(0.0,) * config.layers))
    compiled.network.assign(weights)
    return compiled.scorer


@functools.lru_cache(maxsize=NETWORKS)
def _scoring_network(config: ModelConfig) -> CompiledNetwork:
    return CompiledNetwork(config, "float32")
