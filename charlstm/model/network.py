"""The builder: configuration -> keras.Model of stacked LSTM layers, state in, state out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from charlstm.config import ModelConfig, Precision
from charlstm.model.dropout import dropout_mask
from charlstm.model.lstm import LSTM, stack_weights, use_own_kernel
from charlstm.model.lstm_kernel import LayerState, lstm_stack
from charlstm.model.weights import Array
from charlstm.store.model_directory import Weights, weight_shapes

# For each layer from the bottom: hidden values and cell, each (B, H).
State = list[tuple[Any, Any]]


class Network(keras.Model):
    """One-hot symbols, a stack of LSTM layers, a softmax head.

    Args:
        config: the network.
        precision: of the matrix products; states, sums and weights are float32 in either case.
        shards: parts of the batch that are computed beside each other.
    """

    def __init__(self, config: ModelConfig, precision: Precision = "float32", shards: int = 1) -> None:
        super().__init__(name="network")
        self.config = config
        self.precision = precision
        self.shards = shards
        self.lstms = [
            LSTM(units, precision=precision, return_sequences=True, return_state=True, name=f"lstm_{layer}")
            for layer, units in enumerate(config.units)
        ]
        self.head = keras.layers.Dense(config.vocabulary_size, name="head")
        self.build((None, None))
        # Keras and the model directory list a layer's weights in the same order.
        variables = [variable.value for layer in (*self.lstms, self.head) for variable in layer.weights]
        self.variables_by_name = dict(zip(weight_shapes(config), variables, strict=True))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of all layers, for ids of any shape (T, B)."""
        inputs = self.config.vocabulary_size
        for lstm, units in zip(self.lstms, self.config.units, strict=True):
            lstm.build((*input_shape, inputs))
            inputs = units
        self.head.build((*input_shape, inputs))
        self.built = True

    def call(self, ids: Any, state: State, dropout_seed: Any | None = None) -> tuple[Any, State]:
        """Read a piece of text and return the logits after each symbol and the state after the last.

        Args:
            ids: symbol ids (T, B).
            state: the state before.
            dropout_seed: two integers, (2,), from which the dropout masks are drawn; None for no dropout.

        Returns:
            Logits (T, B, V) and the state.
        """
        masks = self._dropout_masks(ids, dropout_seed)
        gpus = len(tf.config.list_physical_devices("GPU"))
        if use_own_kernel(self.lstms[0], ids.shape[0], gpus=gpus):
            states = [LayerState(*layer) for layer in state]
            outputs, new_states = lstm_stack(
                ids, states, stack_weights(self.lstms), masks=masks, precision=self.precision, shards=self.shards
            )
            new_state = [(layer.h, layer.c) for layer in new_states]
        else:
            outputs, new_state = self._layer_by_layer(ids, state, masks)
        dtype = tf.as_dtype(self.precision)
        kernel, bias = self.head.kernel, self.head.bias
        products = tf.tensordot(tf.cast(outputs, dtype), tf.cast(kernel, dtype), 1)
        return tf.cast(products, tf.float32) + bias, new_state

    def zero_state(self, batch_size: int) -> State:
        """Return the state at the beginning of a text."""
        zeros = [np.zeros((batch_size, units), np.float32) for units in self.config.units]
        return self.state_of((zero, zero) for zero in zeros)

    @staticmethod
    def state_of(arrays: Iterable[tuple[Array, Array]]) -> State:
        """Return a state from the arrays of each layer, hidden values and cell, each (B, H)."""
        return [(tf.constant(hidden), tf.constant(cell)) for hidden, cell in arrays]

    def assign(self, weights: Weights) -> None:
        """Set all weights from named arrays."""
        for name, variable in self.variables_by_name.items():
            variable.assign(weights[name])

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of all weights as named arrays."""
        return {name: variable.numpy() for name, variable in self.variables_by_name.items()}

    def _dropout_masks(self, ids: Any, seed: Any | None) -> list[Any | None]:
        """Return what the outputs of each layer are multiplied by, (T, H, B)."""
        masks: list[Any | None] = [None] * self.config.layers
        if seed is None:
            return masks
        steps, batch = tf.unstack(tf.shape(ids))
        for layer, (units, rate) in enumerate(zip(self.config.units, self.config.dropout, strict=True)):
            if rate > 0:
                masks[layer] = dropout_mask((steps, units, batch), rate, tf.random.fold_in(seed, layer))
        return masks

    def _layer_by_layer(self, ids: Any, state: State, masks: list[Any | None]) -> tuple[Any, State]:
        """Run Keras's own layers one after the other: on a GPU, and over sequences too long to unroll."""
        outputs = tf.one_hot(tf.transpose(ids), self.config.vocabulary_size)
        new_state = []
        for lstm, before, mask in zip(self.lstms, state, masks, strict=True):
            outputs, hidden, cell = lstm(outputs, initial_state=before)
            new_state.append((hidden, cell))
            if mask is not None:
                outputs *= tf.transpose(mask, (2, 0, 1))
        return tf.transpose(outputs, (1, 0, 2)), new_state
