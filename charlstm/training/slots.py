"""The arrays of a checkpoint besides the weights: what the optimizer and the LSTM layers hold."""

from __future__ import annotations

from collections.abc import Sequence

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.store.checkpoints import Shapes
from charlstm.store.model_directory import weight_shapes
from charlstm.training.optimizers import RULES


def slot_shapes(model: ModelConfig, training: TrainingConfig, trained: Sequence[str]) -> Shapes:
    """Return the name and shape of each array.

    Args:
        model: the network.
        training: how it is trained.
        trained: the names of the weights that change, also those that do in part.
    """
    of_weights = weight_shapes(model)
    slots = RULES[training.optimizer].slots
    shapes = {f"optimizer/{slot}/{name}": of_weights[name] for slot in slots for name in trained}
    for layer, units in enumerate(model.units):
        for part in ("hidden", "cell"):
            shapes[f"state_{layer}/{part}"] = (training.batch_size, units)
    return shapes
