"""Options for those who give none: chosen from the size of the corpus."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from charlstm.config import Level, ModelConfig, OptimizerName, Precision, PresetName, TrainingConfig
from charlstm.errors import OptionError
from charlstm.method_config import WARMED_UP, ScheduleName
from charlstm.model.runtime import cores

Value = TypeVar("Value")


@dataclass(frozen=True)
class Size:
    """What suits a training text of up to so many symbols; layers of fewer units drop less."""

    symbols: float
    layers: int
    units: int
    dropout: float
    batch_size: int
    sequence_length: int
    epochs: int
    patience: int
    weight_drop: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object; the largest of texts has no limit."""
        return {**asdict(self), "symbols": None if math.isinf(self.symbols) else self.symbols}


# What suits which training text; each row holds up to its number of characters.
PRESETS: dict[PresetName, tuple[Size, ...]] = {
    "default": (
        Size(30_000, 3, 128, 0.4, 8, 50, 150, 10, weight_drop=0.5),
        Size(200_000, 3, 256, 0.5, 16, 50, 100, 10, weight_drop=0.5),
        # Validation loss after 0.9 million characters of five books: 2.01 with 40 steps, 2.42 with 80.
        Size(2_000_000, 3, 256, 0.2, 32, 40, 12, 5),
        Size(20_000_000, 3, 512, 0.2, 64, 100, 10, 5),
        Size(float("inf"), 3, 512, 0.0, 64, 100, 3, 5),
    ),
    # A first look within a minute or two.
    "fast": (
        Size(200_000, 2, 128, 0.3, 16, 50, 20, 5),
        Size(2_000_000, 2, 128, 0.0, 32, 50, 6, 5),
        Size(float("inf"), 2, 256, 0.0, 64, 80, 1, 5),
    ),
    # As good as patience allows: larger stacks, more dropout, more epochs.
    "quality": (
        Size(30_000, 2, 256, 0.5, 8, 50, 200, 20, weight_drop=0.5),
        Size(200_000, 3, 256, 0.5, 16, 50, 200, 20, weight_drop=0.5),
        Size(2_000_000, 2, 512, 0.4, 32, 100, 18, 6),
        Size(20_000_000, 3, 512, 0.2, 64, 100, 20, 6),
        Size(float("inf"), 3, 1024, 0.1, 64, 100, 5, 6),
    ),
}

# The same in words, which tell a network more than characters do and are learned by heart sooner: fewer layers, more
# dropout.  The middle of the table is near the medium network of Zaremba, Sutskever and Vinyals, 2014, arXiv:1409.2329,
# for the 0.9 million words of Penn Treebank, made smaller for a processor.
WORD_PRESETS: dict[PresetName, tuple[Size, ...]] = {
    "default": (
        Size(50_000, 1, 128, 0.5, 8, 35, 30, 5),
        Size(500_000, 2, 256, 0.5, 16, 35, 15, 4),
        Size(2_000_000, 2, 256, 0.4, 32, 35, 12, 4),
        Size(20_000_000, 2, 512, 0.3, 64, 35, 8, 4),
        Size(float("inf"), 2, 1024, 0.1, 64, 50, 3, 4),
    ),
    "fast": (
        Size(500_000, 1, 128, 0.4, 32, 35, 5, 3),
        Size(float("inf"), 1, 256, 0.2, 64, 35, 2, 3),
    ),
    "quality": (
        Size(50_000, 2, 256, 0.6, 8, 35, 60, 10),
        Size(500_000, 2, 512, 0.6, 16, 35, 40, 8),
        Size(2_000_000, 2, 650, 0.5, 20, 35, 39, 6),
        Size(20_000_000, 2, 1024, 0.4, 64, 50, 15, 6),
        Size(float("inf"), 2, 2048, 0.1, 64, 70, 5, 6),
    ),
}
# The size of the vector that a word becomes, where nobody says: a row of the lowest kernel for each of thousands of
# words would be four times as long as the layer has units.
WORD_EMBEDDING = 256

LEARNING_RATES = {"adam": 3e-3, "rmsprop": 2e-3, "sgd": 1.0, "nt-asgd": 1.0}
# What Adam takes where recurrent weights are dropped for a small text: on 54,000 characters of poems 2 x 128 came to a
# validation loss of 1.714 in 100 epochs with it, and in 182 of 200 with half of it; 2 x 256 in 60 epochs to 1.713, and
# to 1.752.
DROPPED_LEARNING_RATE = 6e-3
WARMUP_STEPS = 100
# Smaller networks have less to drop.  Measured on 54,000 characters of poems: 2 x 64 came to a validation loss of 1.838
# with a dropout of 0.2, and to 1.946 with the 0.5 that suits 256 units.
DROPOUT_EXPONENT = 2 / 3
# What keeps larger ones from learning a small text by heart is the dropping of recurrent weights, given the epochs that
# it takes.  On the same poems 2 x 128 came to 1.747 in 100 epochs with a share of 0.5 dropped, to 1.803 in 60, and to
# 1.857 without; 2 x 256 to 1.752 in 60 epochs, and to 1.817 without; but 2 x 64 to 1.990 with a share of 0.25 dropped.
LEAST_UNITS_OF_WEIGHT_DROP = 128
FROZEN_CACHE_GB = 4.0


def size_of(symbols: float, preset: PresetName = "default", level: Level = "char") -> Size:
    """Return what suits a training text of so many characters or words."""
    table = PRESETS if level == "char" else WORD_PRESETS
    return next(size for size in table[preset] if symbols <= size.symbols)


def transfer_size_of(symbols: float, preset: PresetName = "default", level: Level = "char") -> Size:
    """Return what suits carrying a trained stack over to a text of so many characters or words.

    It has less to learn, and most of what it could forget: fewer epochs, and no more dropout than it is used to.  Nor
    does it drop weights that it was never without.  A base of 3 x 64 came to 1.703 on poems, all layers retrained, and
    to 1.794 with a share of 0.2 dropped.
    """
    size = size_of(symbols, preset, level)
    epochs = size.epochs // (5 if size.weight_drop else 2)
    return replace(size, epochs=max(1, epochs), dropout=min(size.dropout, 0.3), weight_drop=0.0)


def sizes_of(preset: PresetName, level: Level, *, is_transfer: bool) -> list[Size]:
    """Return what a preset takes for each size of text."""
    of, table = transfer_size_of if is_transfer else size_of, PRESETS if level == "char" else WORD_PRESETS
    return [of(size.symbols, preset, level) for size in table[preset]]


def model_config(
    size: Size,
    vocabulary_size: int,
    *,
    layers: int | None = None,
    units: tuple[int, ...] | None = None,
    dropout: tuple[float, ...] | None = None,
    embedding: int | None = None,
    tie_weights: bool = False,
    target_offset: int = 1,
    level: Level = "char",
) -> ModelConfig:
    """Return the network for a size of text; what is given wins, one value stands for all layers."""
    if units is None:
        units = (size.units,)
    if layers is None:
        layers = len(units) if len(units) > 1 else size.layers
    if len(units) not in (1, layers):
        given = ",".join(map(str, units))
        raise OptionError(f"--units {given}: needs one value, or one for each of the {layers} layers")
    units = one_a_layer(units, layers)
    if embedding is None:
        embedding = 0 if level == "char" else units[-1] if tie_weights else WORD_EMBEDDING
    if tie_weights and not embedding:
        raise OptionError("--tie-weights makes the head of the embedding, so it needs one: give --embedding too")
    dropouts = dropout_of(size, units, dropout)
    return ModelConfig(vocabulary_size, units, dropouts, embedding, tie_weights, target_offset)


def dropout_of(size: Size, units: tuple[int, ...], given: tuple[float, ...] | None) -> tuple[float, ...]:
    """Return the dropout of each layer for a size of text: what is given, or less for smaller layers."""
    if given is not None:
        return one_a_layer(given, len(units))
    # A size below 1 is refused where the network is described.
    shares = [min(1.0, max(0, number) / size.units) for number in units]
    return tuple(round(size.dropout * share**DROPOUT_EXPONENT, 2) for share in shares)


def weight_drop_of(size: Size, units: tuple[int, ...]) -> float:
    """Return the share of the recurrent weights that is dropped for a size of text: of small layers none."""
    return size.weight_drop if min(units) >= LEAST_UNITS_OF_WEIGHT_DROP else 0.0


def training_config(size: Size, units: tuple[int, ...], precision: Precision, given: dict[str, Any]) -> TrainingConfig:
    """Return how to train layers of so many units on a size of text; `given` holds options that win if not None."""
    given = {name: value for name, value in given.items() if value is not None}
    optimizer = given.get("optimizer", "adam")
    weight_drop = given.get("weight_drop", weight_drop_of(size, units))
    is_faster = optimizer == "adam" and size.weight_drop > 0 and weight_drop > 0
    chosen: dict[str, Any] = {
        "batch_size": size.batch_size,
        "sequence_length": size.sequence_length,
        "epochs": size.epochs,
        "max_minutes": None,
        "learning_rate": DROPPED_LEARNING_RATE if is_faster else LEARNING_RATES[optimizer],
        "schedule": usual_schedule(optimizer),
        "warmup_steps": WARMUP_STEPS if given.get("schedule", usual_schedule(optimizer)) in WARMED_UP else 0,
        "optimizer": optimizer,
        "clip_norm": 1.0,
        # What averages would end before it begins to.
        "patience": 0 if optimizer == "nt-asgd" else size.patience,
        "weight_drop": weight_drop,
        "random_seed": 1,
        "precision": precision,
        "frozen_cache_gb": 0.0 if given.get("batching") == "documents" else FROZEN_CACHE_GB,
        "cores": cores(),
    }
    return TrainingConfig(**{**chosen, **given})


def usual_schedule(optimizer: OptimizerName) -> ScheduleName:
    """Return the course of the rate that goes with an optimizer."""
    return "constant" if optimizer == "nt-asgd" else "cosine"


def one_a_layer(values: tuple[Value, ...], layers: int) -> tuple[Value, ...]:
    """Return one value for each layer; a wrong number of values is left for the configuration to refuse."""
    return values * layers if len(values) == 1 else values
