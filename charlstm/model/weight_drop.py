"""DropConnect: weights, not activations, are dropped, before the fast kernel sees them."""

from __future__ import annotations

from typing import Any

from charlstm.model.dropout import dropout_mask
from charlstm.model.lstm_cell import LayerWeights


def with_dropped_weights(layer: LayerWeights, rate: float, seed: Any) -> LayerWeights:
    """Return the weights of a layer with a share of its recurrent weights dropped, the same for every step and text.

    Args:
        layer: the weights.
        rate: the share to drop, above 0 and below 1.
        seed: two integers, (2,).

    Source: Merity, Keskar and Socher, AWD-LSTM, 2017, arXiv:1708.02182; Wan et al., DropConnect, 2013.
    """
    kernel = layer.recurrent_kernel
    return layer._replace(recurrent_kernel=kernel * dropout_mask(tuple(kernel.shape), rate, seed))


def with_dropped_rows(table: Any, rate: float, seed: Any) -> Any:
    """Return a table (V, E) with the rows of a share of the symbols dropped.

    Source: Gal and Ghahramani, 2015, arXiv:1512.05287.
    """
    return table * dropout_mask((table.shape[0], 1), rate, seed)
