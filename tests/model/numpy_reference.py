"""The LSTM and its gradient in plain NumPy, slow and readable; the kernel must equal it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Step(NamedTuple):
    """What the gradient of one step needs; everything (B, features)."""

    x: np.ndarray
    h: np.ndarray
    c: np.ndarray
    i: np.ndarray
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray
    new_c: np.ndarray


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(inputs, h, c, kernel, recurrent_kernel, bias):
    """Return outputs (T, B, H), final h, final c, and the steps for `backward`."""
    outputs, steps = [], []
    for x in inputs:
        z_i, z_f, z_g, z_o = np.split(x @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        i, f, g, o = sigmoid(z_i), sigmoid(z_f), np.tanh(z_g), sigmoid(z_o)
        new_c = f * c + i * g
        steps.append(Step(x, h, c, i, f, g, o, new_c))
        h, c = o * np.tanh(new_c), new_c
        outputs.append(h)
    return np.stack(outputs), h, c, steps


def backward(steps, kernel, recurrent_kernel, d_outputs, d_h, d_c):
    """Return the gradients of inputs, first h, first c, kernel, recurrent kernel and bias."""
    d_inputs = []
    d_kernel, d_recurrent, d_bias = np.zeros_like(kernel), np.zeros_like(recurrent_kernel), 0.0
    for step, d_output in zip(reversed(steps), reversed(d_outputs), strict=True):
        d_h = d_h + d_output
        tanh_c = np.tanh(step.new_c)
        d_c = d_c + d_h * step.o * (1 - tanh_c**2)
        d_z = np.concatenate(
            [
                d_c * step.g * step.i * (1 - step.i),
                d_c * step.c * step.f * (1 - step.f),
                d_c * step.i * (1 - step.g**2),
                d_h * tanh_c * step.o * (1 - step.o),
            ],
            axis=1,
        )
        d_kernel += step.x.T @ d_z
        d_recurrent += step.h.T @ d_z
        d_bias = d_bias + d_z.sum(0)
        d_inputs.append(d_z @ kernel.T)
        d_h, d_c = d_z @ recurrent_kernel.T, d_c * step.f
    return np.stack(d_inputs[::-1]), d_h, d_c, d_kernel, d_recurrent, d_bias
