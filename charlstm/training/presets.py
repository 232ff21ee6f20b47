"""Options for those who give none: chosen from the size of the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from charlstm.config import ModelConfig, Precision, TrainingConfig
from charlstm.errors import OptionError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Size:
    """What suits a training text of up to `characters` characters."""

    characters: float
    layers: int
    units: int
    dropout: float
    batch_size: int
    sequence_length: int
    epochs: int
    patience: int


SIZES = (
    Size(30_000, 2, 128, 0.4, 8, 50, 60, 10),
    Size(200_000, 2, 128, 0.3, 16, 50, 40, 10),
    Size(2_000_000, 2, 256, 0.2, 32, 80, 20, 5),
    Size(20_000_000, 3, 512, 0.2, 64, 100, 10, 5),
    Size(float("inf"), 3, 512, 0.0, 64, 100, 3, 5),
)

LEARNING_RATES = {"adam": 3e-3, "rmsprop": 2e-3, "sgd": 1.0}
WARMUP_STEPS = 100


def size_of(characters: int) -> Size:
    """Return what suits a training text of so many characters."""
    return next(size for size in SIZES if characters <= size.characters)


def model_config(
    characters: int,
    vocabulary_size: int,
    *,
    layers: int | None = None,
    units: tuple[int, ...] | None = None,
    dropout: tuple[float, ...] | None = None,
) -> ModelConfig:
    """Return the network for a training text; what is given wins, one value stands for all layers."""
    size = size_of(characters)
    if units is None:
        units = (size.units,)
    if layers is None:
        layers = len(units) if len(units) > 1 else size.layers
    if len(units) not in (1, layers):
        given = ",".join(map(str, units))
        raise OptionError(f"--units {given}: needs one value, or one for each of the {layers} layers")
    return ModelConfig(vocabulary_size, one_a_layer(units, layers), one_a_layer(dropout or (size.dropout,), layers))


def training_config(characters: int, precision: Precision, given: dict[str, Any]) -> TrainingConfig:
    """Return how to train on a text; `given` holds options that win where they are not None."""
    size = size_of(characters)
    chosen: dict[str, Any] = {
        "batch_size": size.batch_size,
        "sequence_length": size.sequence_length,
        "epochs": size.epochs,
        "max_minutes": None,
        "learning_rate": LEARNING_RATES[given.get("optimizer") or "adam"],
        "schedule": "cosine",
        "warmup_steps": WARMUP_STEPS,
        "optimizer": "adam",
        "clip_norm": 1.0,
        "patience": size.patience,
        "random_seed": 1,
        "precision": precision,
    }
    chosen.update({name: value for name, value in given.items() if value is not None})
    return TrainingConfig(**chosen)


def one_a_layer(values: tuple[Value, ...], layers: int) -> tuple[Value, ...]:
    """Return one value for each layer; a wrong number of values is left for the configuration to refuse."""
    return values * layers if len(values) == 1 else values
