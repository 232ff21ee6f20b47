from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import result, sweep_file

from charlstm.errors import ModelError
from charlstm.experiments.findings import findings
from charlstm.experiments.report import details, report_of, side_by_side
from charlstm.experiments.table import best_scratch, table_of
from charlstm.store.trial_result import TrialResult

SWEEP = sweep_file(scratch=True, scratch_units=(8, 16), fractions=(1.0, 0.5))
CHARACTERS = {1.0: 1000, 0.5: 510}


def results(fraction_costs: float = 1.0) -> dict[str, TrialResult]:
    found = {"books_untouched": result([30.0, 40.0], valid=3.0, stopped_by="", trained_parameters=0)}
    for name, cost in (("1", 1.0), ("0.5", fraction_costs)):
        for seed, noise in ((1, 0.0), (2, 2.0)):
            end = f"fraction-{name}_seed-{seed}"
            found[f"books_retrain-0_{end}"] = result([10 * cost + noise, 20 * cost + noise], valid=1.0 + noise)
            # The larger one is better on the test text, but validation has to choose.
            found[f"scratch-1x8_{end}"] = result([20.0, 40.0], valid=2.0, stopped_by="epochs", parameters=10)
            found[f"scratch-1x16_{end}"] = result([20.0, 30.0], valid=2.5)
    return found


def test_rows_are_means_over_seeds_with_their_deviation() -> None:
    table = table_of(SWEEP, results(), CHARACTERS, padded=True)
    row = next(row for row in table.rows if row.kind == "transfer" and row.fraction == 0.5)
    assert (row.base, row.retrained, row.seeds, row.train_chars) == ("models/books", "0", 2, 510)
    assert row.valid_nats_per_char == pytest.approx(2.0)
    assert row.valid_nats_per_char_std == pytest.approx(math.sqrt(2))
    assert row.test_nats_per_char == pytest.approx((1.5 + 1.7) / 2)
    assert row.test_nats_per_char_std == pytest.approx(0.2 / math.sqrt(2))
    assert row.bits_per_char == pytest.approx(row.test_nats_per_char / math.log(2))
    assert row.train_valid_gap_nats == pytest.approx(0.5)
    assert row.padded_nats_per_char == 1.0
    assert table_of(SWEEP, results(), CHARACTERS, padded=False).rows[0].padded_nats_per_char is None
    assert not table.drops_symbols
    assert table_of(replace(SWEEP, new_symbols="drop"), results(), CHARACTERS, padded=True).drops_symbols


def test_ratios_are_to_the_scratch_model_that_validation_chose_at_the_same_fraction() -> None:
    table = table_of(SWEEP, results(fraction_costs=1.2), CHARACTERS, padded=False)
    best = best_scratch(table.rows, 0.5)
    assert best is not None
    assert best.retrained == "scratch 1x8"
    assert best.ratio_to_scratch == best.ratio_low == best.ratio_high == 1
    by_place = {(row.retrained, row.fraction): row for row in table.rows}
    for fraction, cost in ((1.0, 3.2), (0.5, 3.8)):
        row = by_place["0", fraction]
        assert row.ratio_to_scratch == pytest.approx(cost / 6)
        # Of two documents, a resample may be all the one or all the other.
        assert row.ratio_low == pytest.approx(min((cost + 0.8) / 2 / 4, (cost - 1) / 2 / 2, (cost - 0.8) / 4), abs=0.2)
        assert row.ratio_low < row.ratio_to_scratch < row.ratio_high  # type: ignore[operator]
    assert by_place["scratch 1x16", 1.0].ratio_to_scratch == pytest.approx(5 / 6)


def test_a_base_untouched_is_run_once_and_compared_at_every_fraction() -> None:
    table = table_of(SWEEP, results(), CHARACTERS, padded=False)
    rows = [row for row in table.rows if row.kind == "untouched"]
    assert [(row.fraction, row.seeds, row.test_nats_per_char) for row in rows] == [(1.0, 1, 3.5), (0.5, 1, 3.5)]
    assert rows[0].test_nats_per_char_std is None
    assert rows[0].ratio_to_scratch == pytest.approx(7 / 6)
    order = [(row.fraction, row.retrained) for row in table.rows]
    assert order == [
        (fraction, retrained)
        for fraction in (1.0, 0.5)
        for retrained in ("untouched", "0", "scratch 1x8", "scratch 1x16")
    ]


def test_what_ended_the_trainings_is_counted_and_said() -> None:
    table = table_of(SWEEP, results(), CHARACTERS, padded=False)
    assert table.ended_by == {"epochs": (4, 0), "patience": (4, 4)}
    assert any("4 of 8 models from scratch were ended by --epochs" in sentence for sentence in findings(table))


def test_one_test_document_gives_ratios_without_an_interval() -> None:
    found = {name: result(each.test_nats[:1]) for name, each in results().items()}
    table = table_of(SWEEP, found, CHARACTERS, padded=False)
    row = next(row for row in table.rows if row.kind == "transfer")
    assert row.ratio_to_scratch == pytest.approx(11 / 20)
    assert row.ratio_low is None
    assert any("1 document:" in sentence for sentence in findings(table))


def test_results_of_different_texts_are_refused() -> None:
    found = results()
    found["books_untouched"] = result([1.0, 2.0, 3.0])
    with pytest.raises(ModelError, match="2 and 3 test documents"):
        table_of(SWEEP, found, CHARACTERS, padded=False)


def test_several_bases_stand_beside_each_other() -> None:
    other = replace(SWEEP.bases[0], label="manual", path="models/manual", sha256="1" * 64)
    found = results()
    for name in list(found):
        if name.startswith("books"):
            found[name.replace("books", "manual")] = found[name]
    sweep = replace(SWEEP, bases=(*SWEEP.bases, other))
    table = table_of(sweep, found, CHARACTERS, padded=False)
    columns, cells = side_by_side([row for row in table.rows if row.fraction == 1])
    assert columns == ["retrained", "models/books: validation / test", "models/manual: validation / test"]
    assert cells[1] == ["0", "2.000 / 1.600", "2.000 / 1.600"]
    assert cells[-1] == ["best scratch 1x8", "2.000 / 3.000", "2.000 / 3.000"]
    columns, cells = details(table.rows)
    assert columns[:2] == ["base", "retrained"]
    assert {line[0] for line in cells} == {"models/books", "models/manual", "-"}


def test_the_report_has_the_table_the_words_and_the_commands() -> None:
    table = table_of(SWEEP, results(), CHARACTERS, padded=True)
    report = report_of(Path("s"), SWEEP, table, ["subsets.png"])
    assert "## 510 characters to learn from" in report
    assert "| 0 | 2.000 ± 1.414 | 1.600 ± 0.141 |" in report
    assert "the best transfer (layer 0) costs 1.600" in report
    assert "![subsets](subsets.png)" in report
    assert "charlstm transfer s/datasets/fraction-1 -m s/bases/books --retrain 0 --random-seed 1" in report
    assert "charlstm sweep --resume -o s" in report
    assert "chosen anew for each amount of text" in report
    once = replace(SWEEP, fractions=(1.0,))
    assert "anew" not in report_of(Path("s"), once, table_of(once, results(), CHARACTERS, padded=True), [])
    assert "padding" in report
    assert "padding" not in report_of(Path("s"), SWEEP, table_of(SWEEP, results(), CHARACTERS, padded=False), [])
