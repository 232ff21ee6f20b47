"""Named weight arrays: the first ones of a network, and those that a base model hands on in a transfer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from charlstm.config import ModelConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.store.model_directory import Weights, weight_shapes

Array = NDArray[np.float32]


def initial_weights(config: ModelConfig, random_seed: int) -> dict[str, Array]:
    """Return the weights that a network starts from, as keras.layers.LSTM and Dense start.

    Kernels are Glorot-uniform, recurrent kernels orthogonal, biases 0 but for the forget gate's, which is 1.

    Source: Glorot and Bengio, 2010; Saxe et al., 2013, arXiv:1312.6120; Jozefowicz et al., 2015 (forget bias).
    """
    weights = {}
    for number, (name, shape) in enumerate(weight_shapes(config).items()):
        # A generator for each array: a layer's weights do not depend on how many layers there are.
        random = np.random.default_rng([random_seed, number])
        if name.endswith("recurrent_kernel"):
            weights[name] = _orthogonal(shape, random)
        elif name.endswith("kernel"):
            limit = np.sqrt(6 / sum(shape))
            weights[name] = random.uniform(-limit, limit, shape).astype(np.float32)
        else:
            weights[name] = np.zeros(shape, np.float32)
            if name.startswith("lstm"):
                units = shape[0] // 4
                weights[name][units : 2 * units] = 1
    return weights


def layer_names(config: ModelConfig, layers: Iterable[int], *, head: bool) -> list[str]:
    """Return the names of the weights of some LSTM layers and, if wanted, of the head, from the bottom."""
    prefixes = {f"lstm_{layer}" for layer in layers} | ({"head"} if head else set())
    return [name for name in weight_shapes(config) if name.split("/")[0] in prefixes]


def extend_vocabulary(
    config: ModelConfig, weights: Weights, old: Vocabulary, new: Vocabulary
) -> tuple[ModelConfig, dict[str, Array]]:
    """Return a network for the vocabulary `new`, computing on the symbols of `old` exactly what it did.

    The rows of the first kernel and the columns of the head follow their symbols, whatever the order of the two
    vocabularies; those of symbols that `old` lacks start from the mean of all that there are.
    """
    sources = old.ids_of(new)
    extended = {name: np.array(array) for name, array in weights.items()}
    extended["lstm_0/kernel"] = _follow(weights["lstm_0/kernel"], sources)
    extended["head/kernel"] = np.ascontiguousarray(_follow(weights["head/kernel"].T, sources).T)
    extended["head/bias"] = _follow(weights["head/bias"], sources)
    return replace(config, vocabulary_size=len(new)), extended


def new_symbol_masks(config: ModelConfig, added: NDArray[np.bool_]) -> dict[str, Array]:
    """Return, for each weight with entries of its own for a symbol, 1 where the symbol is new and 0 elsewhere.

    Args:
        config: the network.
        added: which symbols are new, (V,).

    Returns:
        Arrays that multiply the gradients of `lstm_0/kernel` (V, 1), `head/kernel` (1, V) and `head/bias` (V,).
    """
    assert len(added) == config.vocabulary_size
    ones = added.astype(np.float32)
    return {"lstm_0/kernel": ones[:, None], "head/kernel": ones[None, :], "head/bias": ones}


def _orthogonal(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    rows, columns = shape
    q, r = np.linalg.qr(random.standard_normal((columns, rows)))
    # The signs of r make the distribution uniform over orthogonal matrices.
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T, dtype=np.float32)


def _follow(rows: NDArray[np.float32], sources: NDArray[np.int64]) -> Array:
    """Return the rows named by `sources`; where that is -1, the mean of all rows."""
    followed = rows[sources]
    followed[sources < 0] = rows.mean(axis=0)
    return followed
