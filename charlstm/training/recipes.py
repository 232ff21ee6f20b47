"""Presets with names from the literature: what each paper or program used, as options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """The options that a preset stands for.

    Attributes:
        source: where they are from.
        commands: name of a command -> its options by their names in the program, with their values.
    """

    source: str
    commands: Mapping[str, Mapping[str, Any]]


_ULMFIT = {
    "embedding_dropout": 0.05,
    "weight_drop": 0.5,
    "locked_dropout": True,
    "activation_regularization": 2.0,
    "temporal_activation_regularization": 1.0,
    "batch_size": 64,
    "sequence_length": 70,
    "random_lengths": True,
    "schedule": "stlr",
    "clip_norm": 0.25,
    "weight_decay": 1.2e-6,
    "patience": 0,
}

RECIPES: Mapping[str, Recipe] = {
    "awd-lstm": Recipe(
        "Merity, Keskar and Socher, Regularizing and Optimizing LSTM Language Models, 2017, arXiv:1708.02182, with the "
        "settings for characters of Penn Treebank of their analysis at multiple scales, 2018, arXiv:1803.08240, whose "
        "program has activation penalties of 0 for characters",
        {
            "pretrain": {
                "layers": 3,
                "units": (1000, 1000, 200),
                "embedding": 200,
                "tie_weights": True,
                "dropout": (0.25, 0.25, 0.1),
                "input_dropout": 0.1,
                "weight_drop": 0.5,
                "locked_dropout": True,
                "batch_size": 128,
                "sequence_length": 150,
                "random_lengths": True,
                "optimizer": "adam",
                "learning_rate": 2e-3,
                "schedule": "step",
                "decay": 0.1,
                "decay_epochs": (300.0, 400.0),
                "warmup_steps": 0,
                "clip_norm": 0.25,
                "weight_decay": 1.2e-6,
                "epochs": 500,
                "patience": 0,
            }
        },
    ),
    "ulmfit": Recipe(
        "Howard and Ruder, Universal Language Model Fine-tuning for Text Classification, 2018, arXiv:1801.06146: the "
        "language model and its fine-tuning",
        {
            "pretrain": {
                "layers": 3,
                "units": (1150, 1150, 400),
                "embedding": 400,
                "tie_weights": True,
                "dropout": (0.3, 0.3, 0.4),
                "input_dropout": 0.4,
                **_ULMFIT,
                "learning_rate": 4e-3,
            },
            "transfer": {
                "dropout": (0.3,),
                **_ULMFIT,
                "learning_rate": 4e-3,
                "layer_rate_decay": 2.6,
                "unfreeze": "gradual",
            },
        },
    ),
    "gradual": Recipe(
        "Aharoni, Rattner and Permuter, Gradual Learning of Recurrent Neural Networks, 2017, arXiv:1708.08863, with "
        "the settings GL + LAD of its program, which sums the loss over the 35 steps of a sequence: its rate of 1 is "
        "35 for their mean, and its norm of 5 a 35th of it; without its dropout of the state from step to step",
        {
            "pretrain": {
                "layers": 2,
                "units": (1500,),
                "embedding": 1500,
                "tie_weights": True,
                "gradual": True,
                "epochs": 160,
                "phase_epochs": (80,),
                "phase_dropout": ((0.7,), (0.5, 0.75)),
                "input_dropout": 0.6,
                "locked_dropout": True,
                "weight_drop": 0.0,
                "batch_size": 20,
                "sequence_length": 35,
                "optimizer": "sgd",
                "learning_rate": 35.0,
                "schedule": "plateau",
                "decay": 0.85,
                "warmup_steps": 0,
                "clip_norm": 5 / 35,
                "patience": 0,
            }
        },
    ),
    "lovecraft": Recipe(
        "Write like Lovecraft, a Keras tutorial: 30 characters in, the 30 after them out, there with a binary "
        "cross-entropy for each symbol, here with that of the next character",
        {
            "pretrain": {
                "layers": 2,
                "units": (125,),
                "dropout": (0.0,),
                "weight_drop": 0.0,
                "sequence_length": 30,
                "target_offset": 30,
                "epochs": 500,
                "patience": 0,
            }
        },
    ),
    "char-rnn": Recipe(
        "Karpathy, char-rnn, 2015, with the defaults of its program, which limits each entry of the gradient to 5",
        {
            "pretrain": {
                "layers": 2,
                "units": (128,),
                "dropout": (0.0,),
                "weight_drop": 0.0,
                "batch_size": 50,
                "sequence_length": 50,
                "optimizer": "rmsprop",
                "rmsprop_decay": 0.95,
                "learning_rate": 2e-3,
                "schedule": "step",
                "decay": 0.97,
                "decay_epochs": (1.0,),
                "decay_after": 9.0,
                "warmup_steps": 0,
                "clip_norm": 5.0,
                "epochs": 50,
                "patience": 0,
            }
        },
    ),
}


def recipes_of(command: str) -> list[str]:
    """Return the names of the recipes for a command."""
    return [name for name, recipe in RECIPES.items() if command in recipe.commands]
