"""The builder: configuration -> keras.Model of stacked LSTM layers, state in, state out."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from charlstm.config import ModelConfig
from charlstm.model.dropout import Dropout
from charlstm.model.weights import Array
from charlstm.store.model_directory import Weights, weight_shapes

# For each layer from the bottom: hidden values and cell, each (B, H).
State = list[tuple[Any, Any]]


class Network(keras.Model):
    """One-hot symbols, a stack of LSTM layers, a softmax head.

    Args:
        config: the network.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="network")
        self.config = config
        self.lstms = [
            keras.layers.LSTM(units, return_sequences=True, return_state=True, name=f"lstm_{layer}")
            for layer, units in enumerate(config.units)
        ]
        self.dropouts = [Dropout(rate, name=f"dropout_{layer}") for layer, rate in enumerate(config.dropout)]
        self.head = keras.layers.Dense(config.vocabulary_size, name="head")
        self.build((None, None))
        # Keras and the model directory list a layer's weights in the same order.
        variables = [variable.value for layer in (*self.lstms, self.head) for variable in layer.weights]
        self.variables_by_name = dict(zip(weight_shapes(config), variables, strict=True))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of all layers, for ids of any shape (T, B)."""
        inputs = self.config.vocabulary_size
        for lstm, dropout, units in zip(self.lstms, self.dropouts, self.config.units, strict=True):
            lstm.build((*input_shape, inputs))
            dropout.build((*input_shape, units))
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
        outputs = tf.transpose(tf.one_hot(ids, self.config.vocabulary_size), (1, 0, 2))
        new_state = []
        for layer, (lstm, dropout) in enumerate(zip(self.lstms, self.dropouts, strict=True)):
            outputs, hidden, cell = lstm(outputs, initial_state=state[layer])
            new_state.append((hidden, cell))
            if dropout_seed is not None:
                outputs = dropout(outputs, tf.random.fold_in(dropout_seed, layer))
        return tf.transpose(self.head(outputs), (1, 0, 2)), new_state

    def zero_state(self, batch_size: int) -> State:
        """Return the state at the beginning of a text."""
        zeros = [np.zeros((batch_size, units), np.float32) for units in self.config.units]
        return [(tf.constant(zero), tf.constant(zero)) for zero in zeros]

    def assign(self, weights: Weights) -> None:
        """Set all weights from named arrays."""
        for name, variable in self.variables_by_name.items():
            variable.assign(weights[name])

    def to_arrays(self) -> dict[str, Array]:
        """Return a copy of all weights as named arrays."""
        return {name: variable.numpy() for name, variable in self.variables_by_name.items()}
