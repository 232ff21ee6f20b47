"""Learning-rate schedules: pure functions of the step, counted from 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from charlstm.config import TrainingConfig
from charlstm.method_config import CycleShape

Schedule = Callable[[int, int], float]

# Epochs of a cycle: Smith advises 4 to 20; Loshchilov and Hutter restart after one for the first time.
CYCLE_EPOCHS = {"cyclical": 4.0, "sgdr": 1.0}
# The lowest rate in parts of the highest: Smith's bounds, 2015 and 2018, and the ratio of Howard and Ruder.
LOWEST = {"cyclical": 1 / 4, "one-cycle": 1 / 10, "stlr": 1 / 32}
# No run comes to the end of a second cycle that is so many times as long as the first.
MOST_GROWTH = 1e30


def schedule_of(config: TrainingConfig, steps_per_epoch: int) -> Schedule:
    """Return the schedule of a training as a function (step, total steps) -> rate, steps counted from 0.

    What `plateau` does depends on losses, not on the step alone; here it is constant.
    """
    high, name = config.learning_rate, config.schedule
    given = config.min_learning_rate
    low = high * LOWEST.get(name, 0.0) if given is None else given

    def factor(step: int, total_steps: int) -> float:
        """Return where between the lowest and the highest rate a schedule is that a warm-up precedes."""
        # A run shorter than its warm-up would never reach its rate: at most a tenth of it is warm-up.
        warmup_steps = min(config.warmup_steps, total_steps // 10)
        rising = warmup(step, warmup_steps)
        if name == "cosine":
            return rising * cosine(max(0, step - warmup_steps), total_steps - warmup_steps)
        if name == "step":
            decays = step_decays(step / steps_per_epoch, config.decay_epochs, config.decay_after)
            return rising * float(config.decay**decays)
        return rising

    def rate(step: int, total_steps: int) -> float:
        cycle_steps = None if config.cycle_epochs is None else config.cycle_epochs * steps_per_epoch
        usual = CYCLE_EPOCHS.get(name, 1.0) * steps_per_epoch
        if name == "stlr":
            return stlr(step, total_steps, high, ratio=high / max(low, high * 1e-12))
        if name == "one-cycle":
            return one_cycle(step, total_steps, low, high)
        if name == "cyclical":
            cycle_steps = cycle_steps or total_steps / max(1, round(total_steps / usual))
            # A cycle of one step would never leave its lower bound.
            return cyclical(step, max(2.0, cycle_steps), low, high, config.cycle, decay=config.decay)
        if name == "sgdr":
            cycle_steps = cycle_steps or first_cycle(total_steps, usual, config.cycle_growth)
            return sgdr(step, cycle_steps, config.cycle_growth, low, high)
        return low + (high - low) * factor(step, total_steps)

    return rate


def warmup(step: int, warmup_steps: int) -> float:
    """Rise linearly from 1/(W + 1) at step 0 to 1 at step W."""
    return min(1.0, (step + 1) / (warmup_steps + 1))


def cosine(step: float, total_steps: float) -> float:
    """Fall from 1 at step 0 along half a cosine towards 0 at `total_steps`.

    Source: Loshchilov and Hutter, SGDR, 2016, arXiv:1608.03983, without restarts.
    """
    return float(0.5 * (1 + np.cos(np.pi * min(1.0, step / max(1, total_steps)))))


def stlr(step: int, total_steps: int, high: float, ratio: float = 32.0) -> float:
    """Slanted triangular rate: rise from high / ratio to `high` within a tenth of the run, then fall to the last step.

    The fall ends at the end of the run also where the share is no whole number of steps, for which the paper's formula
    would go below zero.

    Source: Howard and Ruder, ULMFiT, 2018, arXiv:1801.06146.
    """
    cut = max(1, int(total_steps * 0.1))
    share = step / cut if step < cut else 1 - (step - cut) / max(1, total_steps - cut)
    return high * (1 + max(0.0, share) * (ratio - 1)) / ratio


def cyclical(
    step: int, cycle_steps: float, low: float, high: float, shape: CycleShape = "triangular", decay: float = 1.0
) -> float:
    """Rise and fall linearly between two bounds, over and over.

    Args:
        step: the step.
        cycle_steps: the steps of a rise and a fall, twice the paper's step size.
        low: the lower bound.
        high: the upper bound.
        shape: all cycles alike; "triangular2": each half as high as the one before; "exp_range": the height shrinks
            at every step.
        decay: of "exp_range", for each cycle: the paper's gamma to the power of `cycle_steps`.

    Source: Smith, Cyclical Learning Rates, 2015, arXiv:1506.01186.
    """
    cycles = step / cycle_steps
    number = np.floor(cycles)
    height = 1 - abs(2 * (cycles - number) - 1)
    shrunk = {"triangular": 1.0, "triangular2": 0.5**number, "exp_range": decay**cycles}[shape]
    return float(low + (high - low) * height * shrunk)


def sgdr(step: int, cycle_steps: float, growth: float, low: float, high: float) -> float:
    """Fall from `high` to `low` along half a cosine and start again, each time over `growth` as many steps.

    Source: Loshchilov and Hutter, SGDR, 2016, arXiv:1608.03983: T_0 is `cycle_steps`, T_mult is `growth`.
    """
    first, growth = max(1.0, cycle_steps), min(growth, MOST_GROWTH)
    if growth == 1 or step < first:
        return low + (high - low) * cosine(step % first, first)
    cycles = whole_cycles(step, first, growth)
    since = max(0.0, step - first * cycle_sum(cycles, growth))
    return low + (high - low) * cosine(since, first * growth**cycles)


def first_cycle(total_steps: int, usual: float, growth: float) -> float:
    """Return the steps of the first of whole cycles that fill a run, about `usual`, each `growth` times the last."""
    growth = min(growth, MOST_GROWTH)
    count = whole_cycles(total_steps, usual, growth)
    # One more, where a run is at least half through it.
    if usual * cycle_sum(count, growth) + usual * growth**count / 2 <= total_steps:
        count += 1
    return max(1.0, total_steps / cycle_sum(max(1, count), growth))


def whole_cycles(steps: int, first: float, growth: float) -> int:
    """Return how many whole cycles there are in some steps, the first of a given length, each `growth` times the last.

    Logarithms tell to about one; which it is, the cycles that are tried tell.
    """
    ratio = steps / first
    about = int(ratio if growth == 1 else math.log1p((growth - 1) * ratio) / math.log1p(growth - 1))
    tried = (about + 1, about, about - 1)
    return next((cycles for cycles in tried if first * cycle_sum(cycles, growth) <= steps), max(0, about - 2))


def cycle_sum(cycles: int, growth: float) -> float:
    """Return how many times as long as the first of some cycles all are: 1 + growth + growth^2 and so on.

    Half as many cycles make half of the sum, or not quite: a number of turns that only grows with the logarithm.
    """
    if cycles <= 0:
        return 0.0
    half = cycles // 2
    even = cycle_sum(half, growth) * (1 + growth**half)
    return 1 + growth * even if cycles % 2 else even


def one_cycle(step: int, total_steps: int, low: float, high: float) -> float:
    """Rise linearly from `low` over 45 % of a run, fall back as long, and fall to a hundredth of `low` in the rest.

    Source: Smith and Topin, Super-Convergence, 2017, arXiv:1708.07120.
    """
    if total_steps == 1:
        return high
    rise = max(1, int(0.45 * total_steps))
    if step <= rise:
        return low + (high - low) * step / rise
    if step <= 2 * rise:
        return high - (high - low) * (step - rise) / rise
    return low * (1 - 0.99 * min(1.0, (step - 2 * rise) / max(1, total_steps - 1 - 2 * rise)))


def step_decays(epoch: float, decay_epochs: Sequence[float], after: float = 0.0) -> int:
    """Return how often the rate has decayed at an epoch: once every so many, or at each of several.

    Args:
        epoch: epochs so far, not whole ones only.
        decay_epochs: the epochs between two times, or the epochs of the times.
        after: epochs before the first interval begins.
    """
    if len(decay_epochs) == 1:
        return int(max(0.0, epoch - after) // decay_epochs[0])
    return sum(after + each <= epoch for each in decay_epochs)
