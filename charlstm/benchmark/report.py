"""The benchmark: races over shapes, and a row of medians for each."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from charlstm.benchmark import disturbance
from charlstm.benchmark.contenders import Entrant, Shape, Task
from charlstm.benchmark.race import Progress, Rates, race
from charlstm.config import MAX_UNROLLED_STEPS, Precision

TRAINING_SHAPES = (Shape(3, 512, 64, 100), Shape(3, 256, 64, 100), Shape(2, 128, 64, 50))
SAMPLING_SHAPES = (Shape(3, 512, 1, 100), Shape(3, 256, 1, 100), Shape(2, 128, 1, 100))
# Characters of a text in one step of sampling.
SAMPLE_LENGTH = 100
# The share of all cores from which on other processes are worth a word.
DISTURBING_SHARE = 0.1

Row = dict[str, Any]
# What is measured -> what takes the progress of that race.
Announce = Callable[[str], Progress]


@dataclass(frozen=True)
class Benchmark:
    """What is measured, and how.

    Attributes:
        rivals: "keras", "torch" or both.
        repetitions: that each median is taken over.
        announce: is told which race begins, and gives what takes its progress.
        note: takes sentences for the user.
    """

    rivals: Sequence[str]
    repetitions: int
    announce: Announce
    note: Callable[[str], None]

    def training(self, shapes: Iterable[Shape], precisions: Sequence[Precision]) -> list[Row]:
        """Return a row for each shape and precision.

        Keras runs in float32 in either case; PyTorch and the limit in the row's precision.  Sequences too long to
        unroll have a row in float32 alone, in which they are trained.
        """
        rows = []
        for shape in shapes:
            compared = {}
            for precision in precisions if shape.sequence_length <= MAX_UNROLLED_STEPS else ("float32",):
                own = Entrant("charlstm", "training", shape, precision)
                keras = Entrant("keras", "training", shape)
                others = [Entrant(name, "training", shape, precision) for name in ("torch", "limit")]
                compared[precision] = [own, keras, *others]
            what = f"training {shape.layers}x{shape.units}, batch {shape.batch_size} x {shape.sequence_length}"
            rates = self._race(what, [entrant for entrants in compared.values() for entrant in entrants])
            for precision, (own, keras, torch, limit) in compared.items():
                row: Row = {**vars(shape), "precision": precision}
                rows.append(row | _compare(rates, own, {"keras": [keras], "torch": [torch], "limit": [limit]}))
        return rows

    def sampling(self, shapes: Iterable[Shape], streams: Sequence[int]) -> list[Row]:
        """Return a row for each network and number of texts beside each other.

        PyTorch stands there twice: as a loop over nn.LSTM (`torch`), and over nn.LSTMCell (`torch_cell`), which is the
        faster way for few texts; Keras as a compiled step a symbol.  The limit for one text is to read the weights once
        a character, on one core or on all, whichever is faster (`limit_cores`); for more of them, the matrix products
        on all cores.
        """
        rows = []
        for network in shapes:
            compared: list[tuple[Entrant, dict[str, list[Entrant]]]] = []
            for count in streams:
                shape = Shape(network.layers, network.units, count, SAMPLE_LENGTH)
                limits: tuple[Task, ...] = (
                    ("reading_on_one_core", "reading_on_all_cores") if count == 1 else ("sampling",)
                )
                rivals = {
                    "keras": [Entrant("keras", "sampling", shape)],
                    "torch": [Entrant("torch", "sampling", shape)],
                    "torch_cell": [Entrant("torch", "sampling_with_cells", shape)],
                    "limit": [Entrant("limit", task, shape) for task in limits],
                }
                compared.append((Entrant("charlstm", "sampling", shape), rivals))
            what = f"sampling {network.layers}x{network.units}"
            rates = self._race(
                what, [entrant for own, rivals in compared for entrant in (own, *chain(*rivals.values()))]
            )
            for own, rivals in compared:
                row: Row = {"layers": network.layers, "units": network.units, "streams": own.shape.batch_size}
                fastest = _fastest(rates, rivals["limit"])
                on_one = fastest is not None and fastest.task == "reading_on_one_core"
                cores = None if fastest is None else "one" if on_one else "all"
                rows.append(row | _compare(rates, own, rivals) | {"limit_cores": cores})
        return rows

    def _race(self, what: str, entrants: Iterable[Entrant]) -> Rates:
        def left_out(contender: str, reason: str) -> None:
            self.note(f"{what}: {contender} is left out: {reason}")

        taking_part = {"charlstm", "limit", *self.rivals}
        once = dict.fromkeys(entrant for entrant in entrants if entrant.contender in taking_part)
        others = disturbance.watch()
        rates = race(list(once), self.repetitions, self.announce(what), left_out)
        busy = others()
        if busy is not None and busy > DISTURBING_SHARE * (os.cpu_count() or 1):
            self.note(f"{what}: other processes kept {busy:.1f} cores busy meanwhile, so these figures are unreliable.")
        return rates


def _compare(rates: Rates, own: Entrant, rivals: dict[str, list[Entrant]]) -> Row:
    """Return the medians, and those of the ratios within each round; None for what was not measured.

    Args:
        rates: of the race.
        own: this program.
        rivals: name -> entrants, of which the fastest counts.
    """
    row: Row = {"chars_per_second": statistics.median(rates[own]) if own in rates else None}
    for name, entrants in rivals.items():
        rival = _fastest(rates, entrants)
        row[f"{name}_chars_per_second"] = None if rival is None else statistics.median(rates[rival])
        row[f"ratio_to_{name}"] = (
            None
            if rival is None or own not in rates
            else statistics.median(mine / theirs for mine, theirs in zip(rates[own], rates[rival], strict=True))
        )
    return row


def _fastest(rates: Rates, entrants: Iterable[Entrant]) -> Entrant | None:
    measured = [entrant for entrant in entrants if entrant in rates]
    return max(measured, key=lambda entrant: statistics.median(rates[entrant]), default=None)
