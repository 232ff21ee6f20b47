"""PyTorch as a contender: nn.LSTM on its own CPU kernels, with its own number of threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from charlstm.benchmark.contenders import SYMBOLS, Shape, Step
from charlstm.config import Precision, SamplingConfig


def training(shape: Shape, precision: Precision) -> Step:
    """Return a step: one-hot input, state carried on, autocast for bfloat16, clip, fused Adam."""
    import torch
    from torch.nn import functional

    torch.manual_seed(1)
    lstm = torch.nn.LSTM(SYMBOLS, shape.units, shape.layers)
    head = torch.nn.Linear(shape.units, SYMBOLS)
    weights = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-3, fused=True)
    # Time first, which is the faster way by two in a hundred.
    text = torch.randint(SYMBOLS, (shape.sequence_length + 1, shape.batch_size))
    inputs, targets = text[:-1], text[1:].reshape(-1)
    one_hot = torch.eye(SYMBOLS)
    zeros = torch.zeros(shape.layers, shape.batch_size, shape.units)
    state = (zeros, zeros)

    def step() -> int:
        nonlocal state
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            outputs, after = lstm(functional.embedding(inputs, one_hot), state)
            logits = head(outputs)
        loss = functional.cross_entropy(logits.float().reshape(-1, SYMBOLS), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        state = tuple(part.detach() for part in after)
        loss.item()
        return shape.chars

    return step


def sampling(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - as this program samples: in float32
    """Return the writing of B texts of T symbols by one step of nn.LSTM a symbol, as most programs do it."""
    import torch

    torch.manual_seed(1)
    lstm = torch.nn.LSTM(SYMBOLS, shape.units, shape.layers).eval()
    zeros = torch.zeros(shape.layers, shape.batch_size, shape.units)

    def advance(inputs: Any, state: Any) -> tuple[Any, Any]:
        outputs, state = lstm(inputs[None], state)
        return outputs[0], state

    return _write(shape, advance, (zeros, zeros))


def sampling_with_cells(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - as above
    """Return the same by one nn.LSTMCell a layer.

    nn.LSTM lays out its weights anew at every call, which for one text takes longer than the step: 3 x 512 on two
    cores wrote 116 characters per second with it, 819 with cells.
    """
    import torch

    torch.manual_seed(1)
    inputs = [SYMBOLS] + [shape.units] * (shape.layers - 1)
    cells = [torch.nn.LSTMCell(size, shape.units) for size in inputs]
    zeros = torch.zeros(shape.batch_size, shape.units)

    def advance(values: Any, state: Any) -> tuple[Any, Any]:
        after = []
        for cell, before in zip(cells, state, strict=True):
            values, memory = cell(values, before)
            after.append((values, memory))
        return values, after

    return _write(shape, advance, [(zeros, zeros)] * shape.layers)


def _write(shape: Shape, advance: Callable[[Any, Any], tuple[Any, Any]], first_state: Any) -> Step:
    """Return the writing of texts: a step of the layers, the head, softmax, multinomial, and on."""
    import torch

    head = torch.nn.Linear(shape.units, SYMBOLS)
    one_hot = torch.eye(SYMBOLS)
    temperature = SamplingConfig().temperature

    def step() -> int:
        with torch.inference_mode():
            ids, state, written = torch.zeros(shape.batch_size, dtype=torch.int64), first_state, []
            for _ in range(shape.sequence_length):
                outputs, state = advance(one_hot[ids], state)
                probabilities = torch.softmax(head(outputs) / temperature, -1)
                ids = torch.multinomial(probabilities, 1)[:, 0]
                written.append(ids)
            torch.stack(written).tolist()
        return shape.chars

    return step
