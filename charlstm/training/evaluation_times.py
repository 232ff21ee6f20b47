"""When a training looks at its validation loss."""

from __future__ import annotations

import math

# The loss is looked at after every epoch, in long epochs also every so many steps; but not so often that looking, at a
# third of the cost of training, takes more than about a tenth of the time.
STEPS_BETWEEN = 250
TRAINED_PER_VALIDATED = 4
# Where epochs are much shorter than the validation text, only after several of them, unless the training goes by each:
# or looking would take most of the time.
VALIDATED_PER_TRAINED = 2


class EvaluationTimes:
    """The steps after which there is an evaluation, besides the last one.

    Args:
        steps_per_epoch: of the training.
        chars_per_epoch: characters that they read.
        validated: characters that an evaluation scores.
        each_epoch: whether one follows each epoch, however short.
    """

    def __init__(self, steps_per_epoch: int, chars_per_epoch: int, validated: int, *, each_epoch: bool = False) -> None:
        self._steps_per_epoch = steps_per_epoch
        trained_first = math.ceil(TRAINED_PER_VALIDATED * validated * steps_per_epoch / chars_per_epoch)
        parts = max(1, round(steps_per_epoch / max(STEPS_BETWEEN, trained_first)))
        self._within_epoch = math.ceil(steps_per_epoch / parts)
        several = max(1, round(validated / (VALIDATED_PER_TRAINED * chars_per_epoch)))
        self._epochs = 1 if each_epoch else several

    def is_due(self, step: int) -> bool:
        """Tell whether an evaluation follows so many steps."""
        epochs, within = divmod(step, self._steps_per_epoch)
        if within:
            return within % self._within_epoch == 0
        return epochs % self._epochs == 0
