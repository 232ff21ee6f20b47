"""The layers of a stack as groups of weights: a learning rate and a clip norm for each."""

from __future__ import annotations

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import OptionError


def group_of(weight: str) -> str:
    """Return the layer that a weight is of, by the weight's name: `lstm_0` of `lstm_0/bias`."""
    return weight.split("/")[0]


def rate_factors(model: ModelConfig, training: TrainingConfig) -> dict[str, float]:
    """Return what the learning rate is multiplied by in each layer.

    The head is the highest layer, and an embedding is part of the lowest; of the head, where the two are tied.

    Source: Howard and Ruder, ULMFiT, 2018, arXiv:1801.06146, who divide by 2.6 from layer to layer.
    """
    if training.layer_rates:
        rates = training.layer_rates
        head = rates[model.layers] if len(rates) > model.layers else training.learning_rate
        return _by_group(model, [rate / training.learning_rate for rate in (*rates[: model.layers], head)])
    falls = range(model.layers, -1, -1)
    return _by_group(model, [float(training.layer_rate_decay**-fall) for fall in falls])


def clip_norms(model: ModelConfig, norms: tuple[float, ...]) -> dict[str, float]:
    """Return the largest norm of each layer's gradient; the groups are those of `rate_factors`."""
    return _by_group(model, [*norms, norms[-1]][: model.layers + 1])


def check_fit(model: ModelConfig, training: TrainingConfig) -> None:
    """Raise an OptionError for a list with a wrong number of values, and for dropout of what the network lacks."""
    if training.input_dropout and not model.embedding:
        raise OptionError(
            f"--input-dropout {training.input_dropout:g}: drops from embedded symbols, and those of this model are "
            "one-hot: give --embedding too, or --embedding-dropout, which drops whole symbols"
        )
    if model.target_offset > 1 and training.batching == "documents":
        raise OptionError(
            f"--target-offset {model.target_offset}: looks ahead in streams of text only: leave it at --batching stream"
        )
    norms = training.clip_norm if isinstance(training.clip_norm, tuple) else ()
    for option, values in (("clip-norm", norms), ("layer-rates", training.layer_rates)):
        if values and len(values) not in (model.layers, model.layers + 1):
            given = ",".join(f"{value:g}" for value in values)
            raise OptionError(
                f"--{option} {given}: needs a value for each of the {model.layers} LSTM layers, from the bottom, "
                "and may have one more for the softmax head"
            )


def _by_group(model: ModelConfig, values: list[float]) -> dict[str, float]:
    """Return values of the LSTM layers and the head by the names of the groups."""
    named = {f"lstm_{layer}": values[layer] for layer in range(model.layers)}
    return {"embedding": values[-1 if model.tie_weights else 0], **named, "head": values[-1]}
