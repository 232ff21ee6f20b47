"""Who runs a race: a contender, what it does, on a network and batch of which shape, in which number format."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from charlstm.config import Precision

# The symbols of all networks here: about those of English text.
SYMBOLS = 96

Task = Literal["training", "sampling", "sampling_with_cells", "reading_on_one_core", "reading_on_all_cores"]
# Does the work of a step, B x T characters, or of some; returns how many characters it worked through.
Step = Callable[[], int]

# Each module has a function for each of its tasks, by the task's name: (shape, precision) -> Step.
MODULES = {
    "charlstm": "charlstm.benchmark.own",
    "keras": "charlstm.benchmark.stock_keras",
    "torch": "charlstm.benchmark.pytorch",
    "limit": "charlstm.benchmark.limit",
}
RIVALS = {"keras": "Keras", "torch": "PyTorch"}


@dataclass(frozen=True)
class Shape:
    """A network, and the characters of one step.

    Attributes:
        layers: LSTM layers L.
        units: of each layer, H.
        batch_size: streams of text beside each other, B.
        sequence_length: characters of each stream in a step, T.
    """

    layers: int
    units: int
    batch_size: int
    sequence_length: int

    @property
    def chars(self) -> int:
        """The characters of a step, B x T."""
        return self.batch_size * self.sequence_length


@dataclass(frozen=True)
class Entrant:
    """One contender with one task."""

    contender: str
    task: Task
    shape: Shape
    precision: Precision = "float32"

    def prepare(self) -> Step:
        """Import the contender, build what it needs, and return its step; to be called in its own process."""
        step: Step = getattr(importlib.import_module(MODULES[self.contender]), self.task)(self.shape, self.precision)
        return step


def installed(rivals: Iterable[str], note: Callable[[str], None]) -> list[str]:
    """Return the rivals whose package is installed, and note which is not."""
    found = []
    for rival in rivals:
        if importlib.util.find_spec(rival) is None:
            note(f"{RIVALS[rival]} is not installed: left out.")
        else:
            found.append(rival)
    return found
