"""What the numbers of a sweep say, in plain words: each function looks at one question and returns sentences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from charlstm.experiments.bootstrap import Ratio, studentized_range
from charlstm.experiments.table import Table, best_scratch
from charlstm.store.sweep_results import SweepRow

Rows = Sequence[SweepRow]
# Compares the test losses of two rows; None where that cannot be done.
Compare = Callable[[SweepRow, SweepRow], Ratio | None]

# Nats by which one gap between validation and training loss must exceed another to be called wider.
WIDER = 0.05
FEW_DOCUMENTS = 20

# Test losses of the original experiment, padding counted: Fischer, Transfer Learning in Stacked LSTM's for Text
# Generation, Table 1, of books; the best transfer, the best of a single layer, the best from scratch.
ORIGINAL_TRANSFER, ORIGINAL_SINGLE, ORIGINAL_SCRATCH = 1.090, 1.116, 1.179
ORIGINAL_BASELINE = "scratch 2x64"


def findings(table: Table) -> list[str]:
    """Return the sentences of all questions that a sweep answers."""
    rows = table.rows
    largest = [row for row in rows if row.fraction == rows[0].fraction]
    bases = list(dict.fromkeys(row.base for row in rows if row.base is not None))
    sentences = transfer_against_scratch(largest, table.ratio)
    for base in bases:
        of_base = [row for row in largest if row.base == base]
        about = f"Of {base}: " if len(bases) > 1 else ""
        layers = table.layers_of[base]
        for found in (*pairs_against_singles(of_base, layers, table.ratio), *which_layers_matter(of_base, layers)):
            sentences.append(about + found)
    return [
        *sentences,
        *bases_compared(largest, table.ratio),
        *less_text(rows, table.ratio),
        *overfitting(rows, table.ratio),
        *counting_padding(largest),
        *reservations(table),
    ]


def transfer_against_scratch(rows: Rows, compare: Compare) -> list[str]:
    """Say whether the best transfer is better than the best model from scratch, both chosen by validation loss.

    Args:
        rows: of one fraction.
        compare: compares two rows.
    """
    transfer, scratch = best_transfer(rows), best_scratch(rows, rows[0].fraction)
    untouched = min((row for row in rows if row.kind == "untouched"), key=_validation, default=None)
    if transfer is None:
        if untouched is None or scratch is None:
            return []
        return [
            f"The base untouched costs {_loss(untouched)} on the test text, the best model from scratch "
            f"({_size(scratch)}, {scratch.train_chars:,} characters) {_loss(scratch)}: "
            + _verdict(compare, (untouched, "the base untouched"), (scratch, "training on the target"))
        ]
    text = f"With {transfer.train_chars:,} characters to learn from, the best transfer ({_named(transfer, rows)})"
    costs = f"costs {_loss(transfer)} on the test text"
    if scratch is not None:
        return [
            f"{text} {costs}, the best model from scratch ({_size(scratch)}) {_loss(scratch)}: "
            + _verdict(compare, (transfer, "transfer"), (scratch, "training on the target alone"))
        ]
    if untouched is not None:
        return [
            f"{text} {costs}, the base untouched {_loss(untouched)}: "
            + _verdict(compare, (transfer, "retraining"), (untouched, "leaving the base as it is"))
        ]
    return [f"{text} {costs}; there is no model from scratch to compare it with (--scratch)."]


def pairs_against_singles(rows: Rows, layers: int, compare: Compare) -> list[str]:
    """Say whether two retrained layers beat one, the best of each chosen by validation loss.

    Args:
        rows: of one base and one fraction.
        layers: of the base.
        compare: compares two rows.
    """
    best = {count: min(_of_size(rows, count, layers), key=_validation, default=None) for count in (1, 2)}
    pair, single = best[2], best[1]
    if pair is None or single is None:
        return []
    return [
        f"The best pair of layers ({pair.retrained}) costs {_loss(pair)}, the best single layer ({single.retrained}) "
        f"{_loss(single)}: " + _verdict(compare, (pair, "retraining two"), (single, "retraining one"))
    ]


def which_layers_matter(rows: Rows, layers: int) -> list[str]:
    """Say whether it matters which layers are retrained, or only how many.

    Args:
        rows: of one base and one fraction.
        layers: of the base.
    """
    sentences = []
    for count, words in ((1, "which single layer"), (2, "which two layers")):
        alike = _of_size(rows, count, layers)
        if len(alike) < 2:
            continue
        best = min(alike, key=lambda row: row.test_nats_per_char)
        worst = max(alike, key=lambda row: row.test_nats_per_char)
        spread = worst.test_nats_per_char - best.test_nats_per_char
        between = f"from {best.retrained} to {worst.retrained}, {spread:.3f} nats" if spread else "all are alike"
        chance = _chance(alike)
        if chance is None:
            sentences.append(f"One random seed cannot tell whether it matters {words} is retrained ({between}).")
            continue
        matters = spread > chance
        sentences.append(
            f"It {'matters' if matters else 'hardly matters'} {words} {'is' if count == 1 else 'are'} retrained: "
            f"{between}, {'more than' if matters else 'no more than'} random seeds explain ({chance:.3f} nats)."
        )
    return sentences


def bases_compared(rows: Rows, compare: Compare) -> list[str]:
    """Say which of several bases carries over best.

    Args:
        rows: of one fraction.
        compare: compares two rows.
    """
    bases = dict.fromkeys(row.base for row in rows if row.kind == "transfer")
    best = [found for base in bases if (found := best_transfer([row for row in rows if row.base == base]))]
    if len(best) < 2:
        return []
    first, second = sorted(best, key=_validation)[:2]
    return [
        f"By validation loss {first.base} is the best base, then {second.base}; they cost {_loss(first)} and "
        f"{_loss(second)} on the test text: " + _verdict(compare, (first, str(first.base)), (second, str(second.base)))
    ]


def less_text(rows: Rows, compare: Compare) -> list[str]:
    """Say what happens to the best transfer and the best model from scratch on smaller parts of the text."""
    fractions = list(dict.fromkeys(row.fraction for row in rows))
    if len(fractions) < 2:
        return []
    by_fraction = [[row for row in rows if row.fraction == fraction] for fraction in fractions]
    transfers = [best_transfer(of_fraction) for of_fraction in by_fraction]
    scratches = [best_scratch(rows, fraction) for fraction in fractions]
    sentences = []
    first, last = by_fraction[0][0], by_fraction[-1][0]
    for name, found in (("transfer", transfers), ("model from scratch", scratches)):
        if found[0] is not None and found[-1] is not None:
            change = found[-1].test_nats_per_char - found[0].test_nats_per_char
            gaps = [f"{row.train_valid_gap_nats:.3f}" for row in (found[0], found[-1])]
            sentences.append(
                f"From {first.train_chars:,} characters down to {last.train_chars:,}, the best {name} goes from "
                f"{_loss(found[0])} to {_loss(found[-1])} ({change:+.3f}), the gap between its validation and training "
                f"loss from {gaps[0]} to {gaps[1]}."
            )
    pairs = zip(transfers, scratches, strict=True)
    ratios = [compare(transfer, scratch) for transfer, scratch in pairs if transfer and scratch]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) == len(fractions):
        shown = ", ".join(
            f"{ratio.value:.3f} at {of_fraction[0].train_chars:,}"
            for ratio, of_fraction in zip(known, by_fraction, strict=True)
        )
        sentences.append(f"Their ratio is {shown}: {_trend(known)}.")
    return sentences


def _trend(ratios: Sequence[Ratio]) -> str:
    """Say how ratios of transfer to training from scratch move as there is less and less text."""
    steps = [after.value - before.value for before, after in itertools.pairwise(ratios)]
    first, last = ratios[0], ratios[-1]
    if last.high < first.low and max(steps) <= 0:
        what = "the more transfer helps" if first.value < 1 else "the better for transfer"
    elif last.low > first.high and min(steps) >= 0:
        what = "the less transfer helps" if last.value < 1 else "the worse for transfer"
    else:
        return "no clear trend with less text"
    return f"the less text there is, {what}"


def overfitting(rows: Rows, compare: Compare) -> list[str]:
    """Say where training loss and validation loss are furthest apart, and where retraining does harm."""
    sentences = []
    widest = {
        kind: max((row for row in rows if row.kind == kind), key=lambda row: row.train_valid_gap_nats, default=None)
        for kind in ("scratch", "transfer")
    }
    shown = [
        f"{row.train_valid_gap_nats:.3f} nats among {what} ({_named(row, rows)}, {row.train_chars:,} characters)"
        for row, what in ((widest["scratch"], "models from scratch"), (widest["transfer"], "transfers"))
        if row is not None
    ]
    if shown:
        sentences.append(f"The widest gap between validation and training loss is {' and '.join(shown)}.")
    if (scratch := widest["scratch"]) is not None and (transfer := widest["transfer"]) is not None:
        difference = scratch.train_valid_gap_nats - transfer.train_valid_gap_nats
        more = "models from scratch overfit more" if difference > 0 else "transfers overfit more"
        sentences[-1] = f"{sentences[-1][:-1]}: {more if abs(difference) > WIDER else 'both overfit about as much'}."
    untouched = {(row.base, row.fraction): row for row in rows if row.kind == "untouched"}
    harmed = [
        row
        for row in rows
        if row.kind == "transfer"
        and (base := untouched.get((row.base, row.fraction))) is not None
        and (ratio := compare(row, base)) is not None
        and ratio.low > 1
        and row.test_nats_per_char - base.test_nats_per_char > (_chance([row, base]) or 0)
    ]
    if harmed:
        listed = ", ".join(f"{_named(row, rows)} with {row.train_chars:,} characters" for row in harmed[:6])
        listed += f" and {len(harmed) - 6} more" if len(harmed) > 6 else ""
        sentences.append(f"Worse than the base untouched: {listed}.")
    return sentences


def counting_padding(rows: Rows) -> list[str]:
    """Say what the original experiment would have printed, beside what it did print.

    Args:
        rows: of one fraction.
    """
    transfer, scratch = best_transfer(rows), best_scratch(rows, rows[0].fraction)
    if transfer is None or scratch is None or not transfer.padded_nats_per_char or not scratch.padded_nats_per_char:
        return []
    costs, baseline = transfer.padded_nats_per_char, scratch.padded_nats_per_char
    own = next((row for row in rows if row.retrained == ORIGINAL_BASELINE), scratch)
    against_own = ""
    if own is not scratch and own.padded_nats_per_char:
        against_own = f", and {costs / own.padded_nats_per_char:.3f} against {_size(own)}, the baseline there"
    return [
        "Counting padding, as Fischer does in Table 1 of Transfer Learning in Stacked LSTM's for Text Generation, the "
        f"best transfer costs {costs:.3f} and the best model from scratch {baseline:.3f}: a ratio of "
        f"{costs / baseline:.3f}{against_own}. There, with 3 x 64 and other texts, it is {ORIGINAL_TRANSFER:.3f} over "
        f"{ORIGINAL_SCRATCH:.3f}, {ORIGINAL_TRANSFER / ORIGINAL_SCRATCH:.3f}, for two layers (0,2), and "
        f"{ORIGINAL_SINGLE:.3f} for the best single layer."
    ]


def reservations(table: Table) -> list[str]:
    """Say what stands against relying on the numbers of a table."""
    rows, documents, ended_by = table.rows, table.documents, table.ended_by
    sentences = []
    by_epochs = [
        f"{count} of {sum(each[kind] for each in ended_by.values())} {name}"
        for kind, name in enumerate(("models from scratch", "transfers"))
        if (count := ended_by.get("epochs", (0, 0))[kind])
    ]
    if by_epochs:
        sentences.append(
            f"{' and '.join(by_epochs)} were ended by --epochs, not by --patience: with more epochs they might have "
            "become better."
        )
    if by_time := sum(ended_by.get("max_minutes", (0, 0))):
        sentences.append(f"{by_time} trainings were ended by --max-minutes: on a faster machine they come further.")
    if diverged := sum(ended_by.get("diverged", (0, 0))):
        sentences.append(
            f"{diverged} trainings diverged, and count with the best model that they had; a smaller --learning-rate "
            "may help."
        )
    trained = [row for row in rows if row.kind != "untouched"]
    if trained and all(row.seeds == 1 for row in trained):
        sentences.append("With one random seed, nothing is known of what chance does to a training (--seeds).")
    if table.drops_symbols and len({row.base for row in rows}) > 1:
        sentences.append(
            "What a base lacks is left out of its texts (--new-symbols drop), and costs it nothing: where the target "
            "has such symbols, rows of another vocabulary had more to predict."
        )
    if documents < FEW_DOCUMENTS:
        sentences.append(
            f"The test text has {documents} document{'s' if documents > 1 else ''}: intervals over so few say little "
            "(charlstm preprocess --documents parts a text into more)."
        )
    return sentences


def _chance(rows: Rows) -> float | None:
    """Return how far the test losses of some rows lie apart by their random seeds alone, in 95 % of cases.

    None where no row has more than one seed.  A base untouched is the same for all seeds.

    Source: Tukey's studentized range, with the degrees of freedom of Welch and Satterthwaite.
    """
    known = [(row.test_nats_per_char_std, row.seeds) for row in rows if row.test_nats_per_char_std is not None]
    if not known:
        return None
    errors = [(deviation**2 / seeds, seeds - 1) for deviation, seeds in known]
    total = sum(error for error, _ in errors)
    if not total:
        return 0.0
    freedom = total**2 / sum(error**2 / degrees for error, degrees in errors)
    return studentized_range(len(rows), round(freedom)) * math.sqrt(total / len(rows))


def best_transfer(rows: Rows) -> SweepRow | None:
    """Return the transfer with the least validation loss, None where there is none."""
    return min((row for row in rows if row.kind == "transfer"), key=_validation, default=None)


def _of_size(rows: Rows, count: int, layers: int) -> list[SweepRow]:
    """Return the transfers that retrain so many of the base's layers."""
    sizes = {"none": 0, "all": layers}
    return [
        row
        for row in rows
        if row.kind == "transfer" and sizes.get(row.retrained, len(row.retrained.split(","))) == count
    ]


def _verdict(compare: Compare, this: tuple[SweepRow, str], other: tuple[SweepRow, str]) -> str:
    """Say which of two rows is better, each with its name, or what else explains the difference."""
    ratio = compare(this[0], other[0])
    if ratio is None:
        return "with a single document, nothing says whether that is more than chance."
    text = f"a ratio of {ratio.value:.3f} (95 % interval over documents {ratio.low:.3f} to {ratio.high:.3f})"
    if not ratio.is_real:
        return f"{text}, which includes 1: these documents do not tell them apart."
    chance = _chance([this[0], other[0]]) or 0
    if abs(this[0].test_nats_per_char - other[0].test_nats_per_char) <= chance:
        return f"{text}, which leaves out 1, but no more than random seeds explain ({chance:.3f} nats)."
    return f"{text}, which leaves out 1: {this[1] if ratio.value < 1 else other[1]} is better."


def _named(row: SweepRow, rows: Rows) -> str:
    if row.kind == "scratch":
        return _size(row)
    words = {"none": "head only", "all": "all layers", "untouched": "base untouched"}
    layers = "layers" if "," in row.retrained else "layer"
    name = words.get(row.retrained, f"{layers} {row.retrained}")
    return f"{name} of {row.base}" if len({each.base for each in rows} - {None}) > 1 else name


def _size(row: SweepRow) -> str:
    return row.retrained.removeprefix("scratch ")


def _loss(row: SweepRow) -> str:
    return f"{row.test_nats_per_char:.3f}"


def _validation(row: SweepRow) -> float:
    return row.valid_nats_per_char
