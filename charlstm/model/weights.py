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

# As in Merity, Keskar and Socher, 2017, arXiv:1708.02182.
EMBEDDING_LIMIT = 0.1


def initial_weights(config: ModelConfig, random_seed: int) -> dict[str, Array]:
    """Return the weights that a network starts from, as keras.layers.LSTM and Dense start.

    Kernels are Glorot-uniform, recurrent kernels orthogonal, biases 0 but for the forget gate's, which is 1; an
    embedding is uniform between -0.1 and 0.1.

    Source: Glorot and Bengio, 2010; Saxe et al., 2013, arXiv:1312.6120; Jozefowicz et al., 2015 (forget bias).
    """
    weights = {}
    for number, (name, shape) in enumerate(weight_shapes(config).items()):
        # A generator for each array: a layer's weights do not depend on how many layers there are.
        random = np.random.default_rng([random_seed, number])
        if name.endswith("recurrent_kernel"):
            weights[name] = _orthogonal(shape, random)
        elif name == "embedding/table":
            weights[name] = random.uniform(-EMBEDDING_LIMIT, EMBEDDING_LIMIT, shape).astype(np.float32)
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
    """Return the names of the weights of some LSTM layers and, if wanted, of the head, from the bottom.

    An embedding belongs to the lowest layer, and where weights are tied to the head instead, which it is.
    """
    prefixes = {f"lstm_{layer}" for layer in layers} | ({"head"} if head else set())
    if head if config.tie_weights else "lstm_0" in prefixes:
        prefixes.add("embedding")
    return [name for name in weight_shapes(config) if name.split("/")[0] in prefixes]


def extend_vocabulary(
    config: ModelConfig, weights: Weights, old: Vocabulary, new: Vocabulary
) -> tuple[ModelConfig, dict[str, Array]]:
    """Return a network for the vocabulary `new`, computing on the symbols of `old` exactly what it did.

    The rows of the embedding, or else of the first kernel, and the columns of the head follow their symbols, whatever
    the order of the two vocabularies; those of symbols that `old` lacks start from the mean of all that there are.
    """
    sources = old.ids_of(new)
    extended = {name: np.array(array) for name, array in weights.items()}
    for name, axis in _symbol_axes(config).items():
        followed = _follow(np.moveaxis(weights[name], axis, 0), sources)
        extended[name] = np.ascontiguousarray(np.moveaxis(followed, 0, axis))
    return replace(config, vocabulary_size=len(new)), extended


def new_symbol_masks(config: ModelConfig, added: NDArray[np.bool_], *, read: bool = True) -> dict[str, Array]:
    """Return, for each weight with entries of its own for a symbol, 1 where the symbol is new and 0 elsewhere.

    Args:
        config: the network.
        added: which symbols are new, (V,).
        read: whether the weight that symbols are read by is among them.

    Returns:
        Arrays that multiply the gradients of `embedding/table`, or else `lstm_0/kernel`, (V, 1), of `head/kernel`
        (1, V) and of `head/bias` (V,).
    """
    assert len(added) == config.vocabulary_size
    ones = added.astype(np.float32)
    shapes = weight_shapes(config)
    masks = {}
    for name, axis in _symbol_axes(config).items():
        if name == reading_weight(config) and not read:
            continue
        others = tuple(number for number in range(len(shapes[name])) if number != axis)
        masks[name] = np.expand_dims(ones, others)
    return masks


def reading_weight(config: ModelConfig) -> str:
    """Return the name of the weight that has a row for each symbol that is read."""
    return "embedding/table" if config.embedding else "lstm_0/kernel"


def input_rows(weights: Weights) -> Array:
    """Return what each symbol adds to the gates of the lowest layer, (V, 4H), without the bias.

    A one-hot row times a kernel is a row of the kernel, and so is an embedded symbol times one of the product.
    """
    kernel = weights["lstm_0/kernel"]
    return weights["embedding/table"] @ kernel if "embedding/table" in weights else kernel


def head_kernel(weights: Weights) -> Array:
    """Return the kernel of the head, (H, V), which may be that of the embedding."""
    return weights["head/kernel"] if "head/kernel" in weights else weights["embedding/table"].T


def _symbol_axes(config: ModelConfig) -> dict[str, int]:
    """Return, for each weight with entries of its own for a symbol, the axis along which the symbols are."""
    axes = {reading_weight(config): 0, "head/bias": 0}
    return axes if config.tie_weights else {**axes, "head/kernel": 1}


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
