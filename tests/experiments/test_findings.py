from __future__ import annotations

from dataclasses import replace

from made_up import row, table, within

from charlstm.experiments.findings import (
    bases_compared,
    counting_padding,
    less_text,
    overfitting,
    pairs_against_singles,
    reservations,
    transfer_against_scratch,
    which_layers_matter,
)
from charlstm.store.sweep_results import SweepRow

ROWS = [
    row("untouched", 2.0, seeds=1, test_nats_per_char_std=None),
    row("none", 1.8),
    row("0", 1.7),
    row("1", 1.65),
    row("2", 1.66),
    row("0,1", 1.61),
    row("0,2", 1.6),
    row("1,2", 1.62),
    row("all", 1.63),
    row("scratch 2x64", 1.9),
    row("scratch 2x256", 1.84),
]


def at(fraction: float, rows: list[SweepRow], costs: dict[str, float]) -> list[SweepRow]:
    """Return rows of a smaller part of the text, each kind of which costs so much more."""
    return [
        replace(
            each,
            fraction=fraction,
            train_chars=int(50_000 * fraction),
            test_nats_per_char=each.test_nats_per_char + costs[each.kind],
            valid_nats_per_char=each.valid_nats_per_char + costs[each.kind],
        )
        for each in rows
    ]


def test_the_best_transfer_is_compared_with_the_best_model_from_scratch() -> None:
    (sentence,) = transfer_against_scratch(ROWS, within(0.01))
    assert "50,000 characters" in sentence
    assert "the best transfer (layers 0,2) costs 1.600" in sentence
    assert "the best model from scratch (2x256) 1.840" in sentence
    assert "0.870 (95 % interval over documents 0.860 to 0.880), which leaves out 1: transfer is better." in sentence
    (sentence,) = transfer_against_scratch(ROWS, within(0.2))
    assert "which includes 1: these documents do not tell them apart." in sentence
    (sentence,) = transfer_against_scratch([*ROWS, row("scratch 3x64", 1.2)], within(0.01))
    assert "training on the target alone is better" in sentence


def test_a_difference_that_random_seeds_explain_is_not_called_better() -> None:
    # Deviations of 0.01 and three seeds: a studentized range of 3.9 with four degrees of freedom, so 0.0225 nats.
    close = [row("0", 1.62), row("scratch 2x64", 1.64)]
    (sentence,) = transfer_against_scratch(close, within(0.005))
    assert "leaves out 1, but no more than random seeds explain (0.022 nats)." in sentence
    assert "better" not in sentence
    (sentence,) = transfer_against_scratch([row("0", 1.615), close[1]], within(0.005))
    assert "transfer is better" in sentence
    # Where one row has all of the variance, two degrees are left, so 0.0248 nats; a base untouched has none.
    uneven = [replace(row("0", 1.616), test_nats_per_char_std=0.0001), close[1]]
    assert "no more than random seeds explain" in transfer_against_scratch(uneven, within(0.005))[0]
    untouched = [row("untouched", test, seeds=1, test_nats_per_char_std=None) for test in (1.644, 1.65)]
    assert "random seeds explain" in transfer_against_scratch([close[0], untouched[0]], within(0.005))[0]
    assert "retraining is better" in transfer_against_scratch([close[0], untouched[1]], within(0.005))[0]
    # With one seed nothing is known of chance, which the reservations say.
    alone = [replace(each, seeds=1, test_nats_per_char_std=None) for each in close]
    assert "transfer is better" in transfer_against_scratch(alone, within(0.005))[0]


def test_without_models_from_scratch_the_base_untouched_is_the_measure() -> None:
    (sentence,) = transfer_against_scratch(ROWS[:-2], within(0.01))
    assert "the base untouched 2.000: a ratio of 0.800" in sentence
    (sentence,) = transfer_against_scratch(ROWS[1:-2], within(0.01))
    assert "--scratch" in sentence
    assert transfer_against_scratch(ROWS[:1], within(0.01)) == []


def test_two_layers_are_compared_with_one() -> None:
    (sentence,) = pairs_against_singles(ROWS, 3, within(0.01))
    assert "(0,2) costs 1.600, the best single layer (1) 1.650" in sentence
    assert "retraining two is better" in sentence
    assert pairs_against_singles(ROWS[:5], 3, within(0.01)) == []
    # Of a base with two layers, all layers are the pair.
    two = [row("0", 1.5), row("1", 1.6), row("all", 1.55)]
    (sentence,) = pairs_against_singles(two, 2, within(0.01))
    assert "(all) costs 1.550" in sentence
    assert "retraining one is better" in sentence
    assert pairs_against_singles(two, 3, within(0.01)) == []


def test_a_spread_larger_than_seeds_explain_matters() -> None:
    singles, pairs = which_layers_matter(ROWS, 3)
    assert "It matters which single layer is retrained: from 1 to 0, 0.050 nats, more than random seeds" in singles
    assert "It hardly matters which two layers are retrained: from 0,2 to 1,2, 0.020 nats, no more than" in pairs
    alone = [replace(each, seeds=1, test_nats_per_char_std=None) for each in ROWS]
    assert which_layers_matter(alone, 3)[0].startswith("One random seed cannot tell")


def test_more_layers_and_fewer_seeds_leave_more_to_chance() -> None:
    # Deviations of 0.01: with three seeds, 0.027 are more than chance explains of three layers, and not of eight.
    spread = [row("0", 1.677), row("1", 1.65), *(row(str(layer), 1.66) for layer in range(2, 8))]
    assert which_layers_matter(spread[:3], 8)[0].startswith("It matters")
    assert which_layers_matter(spread, 8)[0].startswith("It hardly matters")
    fewer = [replace(each, seeds=2) for each in spread[:3]]
    assert which_layers_matter(fewer, 8)[0].startswith("It hardly matters")
    (sentence,) = which_layers_matter([row("0", 1.7), row("1", 1.7)], 3)
    assert "retrained: all are alike, no more than" in sentence


def test_a_base_that_is_only_left_as_it_is_is_compared_with_models_from_scratch() -> None:
    (sentence,) = transfer_against_scratch([ROWS[0], *ROWS[-2:]], within(0.01))
    assert "The base untouched costs 2.000 on the test text, the best model from scratch (2x256" in sentence
    assert "leaves out 1: training on the target is better." in sentence


def test_the_best_of_each_base_are_compared() -> None:
    others = [replace(each, base="lyrics", test_nats_per_char=each.test_nats_per_char - 0.2) for each in ROWS[:9]]
    others = [replace(each, valid_nats_per_char=each.valid_nats_per_char - 0.2) for each in others]
    (sentence,) = bases_compared([*ROWS, *others], within(0.01))
    assert "By validation loss lyrics is the best base, then books; they cost 1.400 and 1.600" in sentence
    assert "leaves out 1: lyrics is better." in sentence
    # What validation puts first may be second on the test text.
    worse = [replace(each, test_nats_per_char=each.test_nats_per_char + 0.5) for each in others]
    (sentence,) = bases_compared([*ROWS, *worse], within(0.01))
    assert "By validation loss lyrics is the best base" in sentence
    assert "leaves out 1: books is better." in sentence
    assert bases_compared(ROWS, within(0.01)) == []


def test_less_text_is_told_as_a_trend() -> None:
    costs = {"transfer": 0.1, "scratch": 0.6, "untouched": 0.0}
    transfer, scratch, ratio = less_text([*ROWS, *at(0.5, ROWS, costs)], within(0.01))
    assert "From 50,000 characters down to 25,000, the best transfer goes from 1.600 to 1.700 (+0.100), the" in transfer
    assert transfer.endswith("the gap between its validation and training loss from 0.200 to 0.200.")
    assert "(+0.600)" in scratch
    assert "0.870 at 50,000, 0.697 at 25,000: the less text there is, the more transfer helps." in ratio
    assert "no clear trend" in less_text([*ROWS, *at(0.5, ROWS, costs)], within(0.1))[-1]
    back = [*ROWS, *at(0.5, ROWS, {**costs, "transfer": 0.9}), *at(0.25, ROWS, costs)]
    assert less_text(back, within(0.01))[-1].endswith("0.697 at 12,500: no clear trend with less text.")
    lost = [replace(each, test_nats_per_char=3.0) if each.kind == "transfer" else each for each in ROWS]
    assert less_text([*lost, *at(0.5, lost, costs)], within(0.01))[-1].endswith("there is, the better for transfer.")
    worse = {"transfer": 0.6, "scratch": 0.1, "untouched": 0.0}
    assert "there is, the worse for transfer" in less_text([*ROWS, *at(0.5, ROWS, worse)], within(0.01))[-1]
    little = {**worse, "transfer": 0.25}
    assert "the less transfer helps" in less_text([*ROWS, *at(0.5, ROWS, little)], within(0.01))[-1]
    assert less_text(ROWS, within(0.01)) == []


def test_the_widest_gap_and_harm_are_named() -> None:
    rows = [*ROWS, row("scratch 3x64", 1.95, train_valid_gap_nats=0.9)]
    (sentence,) = overfitting(rows, within(0.01))
    assert "0.900 nats among models from scratch (3x64, 50,000 characters)" in sentence
    assert "models from scratch overfit more" in sentence
    assert "both overfit about as much" in overfitting(ROWS, within(0.01))[0]
    none = within(0.0)
    rows = [*ROWS, *at(0.1, ROWS, {"transfer": 0.372, "scratch": 1.0, "untouched": 0.0})]
    assert "layer 2" not in " ".join(overfitting(rows, within(0.05)))
    uncertain = [replace(each, test_nats_per_char_std=0.02) if each.kind == "transfer" else each for each in rows]
    assert "layer 2" not in " ".join(overfitting(uncertain, none))
    harmed = overfitting(rows, none)
    assert harmed[
        1
    ] == "Worse than the base untouched: head only with 5,000 characters, layer 0 with 5,000 characters, " + (
        "layer 2 with 5,000 characters."
    )


def test_losses_that_count_padding_stand_beside_the_originals() -> None:
    assert counting_padding(ROWS) == []
    padded = [replace(each, padded_nats_per_char=each.test_nats_per_char / 2) for each in ROWS]
    (sentence,) = counting_padding(padded)
    assert "the best transfer costs 0.800 and the best model from scratch 0.920: a ratio of 0.870" in sentence
    assert "and 0.842 against 2x64, the baseline there" in sentence
    assert "it is 1.090 over 1.179, 0.925, for two layers (0,2), and 1.116 for the best single layer" in sentence
    assert "baseline" not in counting_padding([each for each in padded if each.retrained != "scratch 2x64"])[0]
    assert counting_padding(padded[:9]) == []


def test_reservations_are_only_those_that_hold() -> None:
    assert reservations(table(ROWS, 100, {"patience": (6, 24)})) == []
    ended_by = {"epochs": (2, 24), "patience": (4, 0), "max_minutes": (1, 2), "diverged": (0, 1)}
    said = reservations(table(ROWS, 5, ended_by))
    assert [sentence.split(" ")[0] for sentence in said] == ["2", "3", "1", "The"]
    assert "2 of 7 models from scratch and 24 of 27 transfers were ended by --epochs" in said[0]
    assert "5 documents" in said[3]
    alone = [replace(each, seeds=1) for each in ROWS]
    assert "--seeds" in reservations(table(alone, 100, {}))[0]
    # Nothing is trained of a base that is left as it is.
    assert reservations(table([alone[0], *ROWS[1:]], 100, {})) == reservations(table(alone[:1], 100, {})) == []


def test_dropped_symbols_are_told_where_vocabularies_differ() -> None:
    (sentence,) = reservations(replace(table(ROWS, 100, {}), drops_symbols=True))
    assert "--new-symbols drop" in sentence
    assert reservations(replace(table(ROWS[:9], 100, {}), drops_symbols=True)) == []
