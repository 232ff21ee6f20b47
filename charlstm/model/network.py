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

    def call(
        self, inputs: Any, state: State, *, dropout_seed: Any | None = None, first_layer: int = 0
    ) -> tuple[Any, State]:
        """Read a piece of text and return the logits after each symbol and the state after the last.

        Args:
            inputs: symbol ids (T, B), or, above the bottom, the outputs of the layer below (T, B, H).
            state: the state before, of all layers.
            dropout_seed: two integers, (2,), from which the dropout masks are drawn; None for no dropout.
            first_layer: the lowest layer to run; the state of those below stays as it is.

        Returns:
            Logits (T, B, V) and the state.
        """
        masks = self._dropout_masks(inputs, dropout_seed, max(0, first_layer - 1))
        if first_layer > 0:
            below = masks.pop(0)
            inputs = inputs if below is None else inputs * tf.transpose(below, (0, 2, 1))
        outputs, new_state = self._stack(inputs, state[first_layer:], self.lstms[first_layer:], masks)
        dtype = tf.as_dtype(self.precision)
        products = tf.tensordot(tf.cast(outputs, dtype), tf.cast(self.head.kernel, dtype), 1)
        return tf.cast(products, tf.float32) + self.head.bias, state[:first_layer] + new_state

    def lower(self, ids: Any, state: State, layers: int) -> tuple[Any, State]:
        """Return the outputs (T, B, H) of the lowest `layers` layers, without dropout, and the state after."""
        outputs, new_state = self._stack(ids, state[:layers], self.lstms[:layers], [None] * layers)
        return outputs, new_state + state[layers:]

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

    def _stack(self, inputs: Any, state: State, lstms: list[LSTM], masks: list[Any | None]) -> tuple[Any, State]:
        """Run some layers on top of each other: outputs (T, B, H) and their state."""
        if not lstms:
            return inputs, []
        gpus = len(tf.config.list_physical_devices("GPU"))
        if not use_own_kernel(lstms[0], inputs.shape[0], gpus=gpus):
            return self._layer_by_layer(inputs, state, lstms, masks)
        states = [LayerState(*layer) for layer in state]
        outputs, new_states = lstm_stack(
            inputs, states, stack_weights(lstms), masks=masks, precision=self.precision, shards=self.shards
        )
        return outputs, [(layer.h, layer.c) for layer in new_states]

    def _layer_by_layer(
        self, inputs: Any, state: State, lstms: list[LSTM], masks: list[Any | None]
    ) -> tuple[Any, State]:
        """Run Keras's own layers one after the other: on a GPU, and over sequences too long to unroll."""
        if inputs.dtype.is_integer:
            inputs = tf.one_hot(inputs, self.config.vocabulary_size)
        outputs = tf.transpose(inputs, (1, 0, 2))
        new_state = []
        for lstm, before, mask in zip(lstms, state, masks, strict=True):
            outputs, hidden, cell = lstm(outputs, initial_state=before)
            new_state.append((hidden, cell))
            if mask is not None:
                outputs *= tf.transpose(mask, (2, 0, 1))
        return tf.transpose(outputs, (1, 0, 2)), new_state

    def _dropout_masks(self, inputs: Any, seed: Any | None, first: int = 0) -> list[Any | None]:
        """Return what the outputs of each layer from `first` up are multiplied by, (T, H, B)."""
        steps, batch = tf.unstack(tf.shape(inputs)[:2])
        return [
            None
            if seed is None or self.config.dropout[layer] == 0
            else dropout_mask(
                (steps, self.config.units[layer], batch), self.config.dropout[layer], tf.random.fold_in(seed, layer)
            )
            for layer in range(first, self.config.layers)
        ]
