"""Several models that write one text together: the average of their log-probabilities, over the symbols they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charlstm.data.vocabulary import SPECIAL_SYMBOLS, Vocabulary
from charlstm.errors import ModelError, OptionError
from charlstm.sampling.delayed import stepping_network
from charlstm.sampling.generate import Network
from charlstm.store.model_directory import Model


@dataclass(frozen=True)
class Mixture:
    """One model or several, each with its weight.

    Attributes:
        models: the models.
        weights: of each, 0 or more; they add up to 1.
        vocabulary: the symbols that all of them know, in the order of the first.
    """

    models: tuple[Model, ...]
    weights: tuple[float, ...]
    vocabulary: Vocabulary

    def network(self, streams: int) -> Network:
        """Return the network that writes N texts side by side."""
        networks = [stepping_network(model.config, model.weights, streams) for model in self.models]
        if len(networks) == 1:
            return networks[0]
        ids = [model.vocabulary.ids_of(self.vocabulary) for model in self.models]
        return MixedNetwork(networks, self.weights, ids)


def mix(models: Sequence[Model], weights: Sequence[float] = ()) -> Mixture:
    """Join models by the symbols that all of them know.

    Args:
        models: one or more.
        weights: of each, in proportion; without any, all count alike.

    Raises:
        OptionError: not one weight for each model, a negative one, or nothing but zeros.
        ModelError: there is no symbol that all models know, or some write characters and some words.
    """
    weights = weights or [1.0] * len(models)
    shown = ",".join(f"{weight:g}" for weight in weights)
    if len(weights) != len(models):
        raise OptionError(f"--weights {shown}: needs one number a model, {len(models)} in all")
    if min(weights) < 0 or not sum(weights) > 0:
        raise OptionError(f"--weights {shown}: must be 0 or more, and one of them above")
    first, *others = models
    if other_level := next((other for other in others if other.vocabulary.level != first.vocabulary.level), None):
        kinds = " and ".join(f"{model.path} of {model.vocabulary.unit}s" for model in (first, other_level))
        raise ModelError(f"{kinds} cannot write a text together: take models of one kind")
    common = tuple(
        symbol for symbol in first.vocabulary.symbols if all(symbol in other.vocabulary.ids for other in others)
    )
    if not set(common) - set(SPECIAL_SYMBOLS):
        names = " and ".join(str(model.path) for model in models)
        raise ModelError(f"{names} have no {first.vocabulary.unit} in common: take models of the same script")
    total = sum(weights)
    return Mixture(
        tuple(models), tuple(weight / total for weight in weights), Vocabulary(common, first.vocabulary.level)
    )


class MixedNetwork:
    """Several networks as one, stepping N streams together.

    The weighted average of logits is that of log-probabilities but for a constant a row, which changes nothing.

    Args:
        networks: each for N streams.
        weights: of each network.
        ids: of each network, its ids of the V common symbols, (V,).
    """

    def __init__(
        self, networks: Sequence[Network], weights: Sequence[float], ids: Sequence[NDArray[np.integer]]
    ) -> None:
        self.streams = networks[0].streams
        self._parts = list(zip(networks, map(np.float32, weights), ids, strict=True))

    def reset(self, streams: Sequence[int] | None = None) -> None:
        """Set the state of some streams to zero, of all without any."""
        for network, _, _ in self._parts:
            network.reset(streams)

    def choose(self, streams: NDArray[np.integer]) -> None:
        """Let each stream go on from the state of another, (N,)."""
        for network, _, _ in self._parts:
            network.choose(streams)

    def state(self) -> list[Any]:
        """Return a copy of the state, for `restore`."""
        return [network.state() for network, _, _ in self._parts]

    def restore(self, state: list[Any]) -> None:
        """Go on from a state that `state` returned."""
        for (network, _, _), own in zip(self._parts, state, strict=True):
            network.restore(own)

    def step(self, ids: Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Read one common symbol a stream, (N,), and return the logits of the next, (N, V)."""
        common = np.asarray(ids)
        first, *others = [weight * network.step(own[common])[:, own] for network, weight, own in self._parts]
        for logits in others:
            first += logits
        return first
