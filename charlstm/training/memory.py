"""Whether a training can fit into the memory of this machine at all."""

from __future__ import annotations

import os

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.errors import CharlstmError

GIB = 1 << 30
# Those that are trained, the best, and those of a checkpoint that is being written; most optimizers keep more.
_COPIES_OF_WEIGHTS = 3


def check_memory(model: ModelConfig, training: TrainingConfig) -> None:
    """Refuse a training that takes more memory than the machine has, before any of it is taken.

    Raises:
        CharlstmError: even the least that it needs is more than there is.
    """
    needed, there_is = least_bytes(model, training), physical_bytes()
    if needed > there_is:
        raise CharlstmError(
            f"the training needs at least {needed / GIB:,.0f} GiB of memory, and this machine has "
            f"{there_is / GIB:,.0f}: give fewer --layers or --units, or a smaller --batch-size or --sequence-length"
        )


def least_bytes(model: ModelConfig, training: TrainingConfig) -> int:
    """Return what the weights take in all, and the gates of each layer and the logits of one step."""
    gates = 4 * sum(model.units) + model.vocabulary_size
    return 4 * (_COPIES_OF_WEIGHTS * model.parameters + training.batch_size * training.sequence_length * gates)


def physical_bytes() -> float:
    """Return the memory of this machine, infinity where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):  # Windows
        return float("inf")
