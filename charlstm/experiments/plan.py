"""The trials of a sweep: which there are, what each is, and in which order they are best run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from charlstm.errors import OptionError
from charlstm.store.sweep_file import EVERY_SUBSET, MOST_LAYERS_FOR_EVERY_SUBSET, SweepBase, SweepFile
from charlstm.store.sweep_results import Kind

# Models from scratch see more epochs than transfers; this only guesses at times and orders trials.
EPOCHS_OF_SCRATCH = 4
# The work of a step that does not grow with the network, in weights.
FIXED_WORK = 20_000


@dataclass(frozen=True)
class Trial:
    """One training of a sweep, or the scoring of one base model.

    Attributes:
        name: of its directory.
        kind: what it is.
        base: the label of the base model; None for one from scratch.
        retrained: as in SweepRow.
        layers: the LSTM layers that are retrained, from the bottom; None for one from scratch or an untouched base.
        units: of the LSTM layers, from the bottom.
        fraction: the part of the training text; for an untouched base the largest that there is.
        random_seed: of the training.
    """

    name: str
    kind: Kind
    base: str | None
    retrained: str
    layers: tuple[int, ...] | None
    units: tuple[int, ...]
    fraction: float
    random_seed: int

    @property
    def group(self) -> tuple[str | None, str]:
        """What trials have in common whose compiled steps are the same."""
        return self.base, self.retrained

    @property
    def work(self) -> float:
        """How long it takes compared with others, roughly."""
        weights = sum(4 * units * (below + units) for below, units in zip((0, *self.units), self.units, strict=False))
        epochs = {"scratch": EPOCHS_OF_SCRATCH, "transfer": 1.0, "untouched": 0.05}[self.kind]
        return self.fraction * epochs * (FIXED_WORK + weights)


def trials_of(sweep: SweepFile) -> tuple[Trial, ...]:
    """Return all trials, in the order in which they are best begun.

    The longest come first, so that at the end no process has much left to do while others have nothing; trials of one
    group follow each other, so that a process compiles its steps once.

    Raises:
        OptionError: a base lacks a layer, or has too many layers for every subset of them.
    """
    trials = [trial for base in sweep.bases for trial in _of_base(sweep, base)]
    if sweep.scratch:
        trials += _from_scratch(sweep)
    longest: dict[tuple[str | None, str], float] = {}
    for trial in trials:
        group = trial.group
        longest[group] = max(longest.get(group, 0.0), trial.work)
    place = {group: number for number, group in enumerate(sorted(longest, key=lambda group: -longest[group]))}
    return tuple(sorted(trials, key=lambda trial: (place[trial.group], -trial.fraction)))


def subsets_of(sweep: SweepFile, base: SweepBase) -> list[str]:
    """Return what is retrained of one base: "untouched", "none", "0", ..., "0,1", ..., "all", each once, in this order.

    Raises:
        OptionError: the base lacks a layer, or has too many layers for every subset of them.
    """
    count = len(base.units)
    if sweep.subsets == (EVERY_SUBSET,):
        if count > MOST_LAYERS_FOR_EVERY_SUBSET:
            raise OptionError(
                f"--subsets all: {base.path} has {count} layers, of which there are {2**count:,} subsets: list some"
            )
        every = itertools.chain.from_iterable(itertools.combinations(range(count), size) for size in range(count + 1))
        subsets = ["untouched", *(name_of(layers, count) for layers in every)]
        return [subset for subset in subsets if not (sweep.freeze_head and subset == "none")]
    found = {}
    for subset in sweep.subsets:
        if subset in ("untouched", "none", "all"):
            name, layers = subset, {"all": tuple(range(count))}.get(subset, ())
        else:
            layers = tuple(sorted({int(layer) for layer in subset.split(",")}))
            if layers[-1] >= count:
                raise OptionError(
                    f"--subsets {subset}: {base.path} has no layer {layers[-1]}; its layers are 0 to {count - 1}"
                )
            name = name_of(layers, count)
        if name == "none" and sweep.freeze_head:
            raise OptionError("--subsets none with --freeze-head trains nothing: leave one of them out")
        found[name] = (name != "untouched", len(layers), layers)
    return sorted(found, key=lambda name: found[name])


def name_of(layers: Iterable[int], count: int) -> str:
    """Return what a subset of so many layers is called."""
    layers = tuple(layers)
    if not layers:
        return "none"
    return "all" if len(layers) == count else ",".join(map(str, layers))


def fraction_name(fraction: float) -> str:
    """Return what the part of a training text is called."""
    return f"fraction-{fraction:.12g}"


def _of_base(sweep: SweepFile, base: SweepBase) -> list[Trial]:
    trials = []
    for subset in subsets_of(sweep, base):
        if subset == "untouched":
            name = f"{base.label}_untouched"
            trials.append(
                Trial(name, "untouched", base.label, subset, None, base.units, max(sweep.fractions), random_seed=1)
            )
            continue
        count = len(base.units)
        words = {"none": (), "all": tuple(range(count))}
        layers = words[subset] if subset in words else tuple(map(int, subset.split(",")))
        for fraction, seed in itertools.product(sweep.fractions, range(1, sweep.seeds + 1)):
            name = f"{base.label}_retrain-{subset.replace(',', '-')}_{fraction_name(fraction)}_seed-{seed}"
            trials.append(Trial(name, "transfer", base.label, subset, layers, base.units, fraction, seed))
    return trials


def _from_scratch(sweep: SweepFile) -> list[Trial]:
    sizes = itertools.product(sweep.scratch_layers, sweep.scratch_units)
    trials = []
    for (layers, units), fraction, seed in itertools.product(sizes, sweep.fractions, range(1, sweep.seeds + 1)):
        name = f"scratch-{layers}x{units}_{fraction_name(fraction)}_seed-{seed}"
        size = f"scratch {layers}x{units}"
        trials.append(Trial(name, "scratch", None, size, None, (units,) * layers, fraction, seed))
    return trials
