"""This program as a contender: what `charlstm pretrain` and `charlstm sample` run, with their threads."""

from __future__ import annotations

from charlstm.benchmark.contenders import SYMBOLS, Shape, Step
from charlstm.config import ModelConfig, Precision, SamplingConfig, TrainingConfig

LEARNING_RATE = 1e-3
# Steps of text before it comes round again.
TEXT_STEPS = 20


def training(shape: Shape, precision: Precision) -> Step:
    """Return whole steps of the training loop, as many as go into one call: batch, forward, backward, clip, Adam."""
    from charlstm.model.runtime import cores, start_tensorflow

    start_tensorflow()
    import numpy as np

    from charlstm.data.batches import StreamBatches
    from charlstm.model.network import Network
    from charlstm.model.weights import initial_weights
    from charlstm.training.step import StepInputs, TrainingStep

    config = TrainingConfig(
        batch_size=shape.batch_size,
        sequence_length=shape.sequence_length,
        epochs=1,
        max_minutes=None,
        learning_rate=LEARNING_RATE,
        schedule="constant",
        warmup_steps=0,
        optimizer="adam",
        clip_norm=1.0,
        patience=0,
        random_seed=1,
        precision=precision,
        frozen_cache_gb=0.0,
        cores=cores(),
    )
    model = _model(shape)
    text = np.random.default_rng(1).integers(SYMBOLS, size=TEXT_STEPS * shape.chars, dtype=np.uint8)
    batches = StreamBatches(text, shape.batch_size, shape.sequence_length, config.random_seed)
    network = Network(model, precision)
    network.assign(initial_weights(model, config.random_seed))
    training_step = TrainingStep(network, config, list(network.variables_by_name), {})
    state, count = network.zero_state(shape.batch_size), 0

    def step() -> int:
        nonlocal state, count
        steps = range(count, count + training_step.steps_per_call)
        result = training_step([StepInputs(*batches(step)[:2], step, LEARNING_RATE, step + 1) for step in steps], state)
        state, count = result.state, steps.stop
        return shape.chars * len(steps)

    return step


def sampling(shape: Shape, precision: Precision) -> Step:  # noqa: ARG001 - sampling is in float32
    """Return the writing of B texts of T characters beside each other."""
    from charlstm.data.vocabulary import Vocabulary
    from charlstm.model.numpy_lstm import NumpyLSTM
    from charlstm.model.weights import initial_weights
    from charlstm.sampling.generate import Generation
    from charlstm.sampling.growing_texts import alike

    model = _model(shape)
    vocabulary = Vocabulary(("\n", *map(chr, range(32, 31 + SYMBOLS))))
    network = NumpyLSTM(model, initial_weights(model, 1), shape.batch_size)
    config = SamplingConfig(length=shape.sequence_length)

    def step() -> int:
        for _ in Generation(network, vocabulary, alike(network.streams), config):
            pass
        return shape.chars

    return step


def _model(shape: Shape) -> ModelConfig:
    return ModelConfig(SYMBOLS, (shape.units,) * shape.layers, (0.0,) * shape.layers)
