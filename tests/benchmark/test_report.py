from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from charlstm.benchmark.contenders import Entrant, Shape
from charlstm.benchmark.race import Rates
from charlstm.benchmark.report import Benchmark, Progress

SHAPE = Shape(2, 8, 3, 5)
RATES = {
    ("charlstm", "training", "float32"): [20.0, 30.0, 40.0],
    ("charlstm", "training", "bfloat16"): [60.0, 60.0, 90.0],
    ("keras", "training", "float32"): [10.0, 10.0, 40.0],
    ("torch", "training", "float32"): [40.0, 10.0, 10.0],
    ("torch", "training", "bfloat16"): [30.0, 30.0, 30.0],
    ("limit", "training", "float32"): [50.0, 50.0, 50.0],
    ("limit", "training", "bfloat16"): [100.0, 100.0, 100.0],
    ("charlstm", "sampling", "float32"): [8.0, 8.0, 8.0],
    ("keras", "sampling", "float32"): [1.0, 1.0, 1.0],
    ("torch", "sampling", "float32"): [2.0, 2.0, 2.0],
    ("torch", "sampling_with_cells", "float32"): [4.0, 4.0, 4.0],
    ("limit", "sampling", "float32"): [32.0, 32.0, 32.0],
    ("limit", "reading_on_one_core", "float32"): [16.0, 16.0, 16.0],
    ("limit", "reading_on_all_cores", "float32"): [10.0, 10.0, 90.0],
}


@pytest.fixture
def raced(monkeypatch: pytest.MonkeyPatch) -> list[Entrant]:
    """Let every race give the rates above, and return who took part."""
    seen: list[Entrant] = []

    def race(entrants: Sequence[Entrant], repetitions: int, progress: Progress, left_out: object) -> Rates:  # noqa: ARG001
        seen.extend(entrants)
        return {
            entrant: RATES[entrant.contender, entrant.task, entrant.precision][:repetitions] for entrant in entrants
        }

    monkeypatch.setattr("charlstm.benchmark.report.race", race)
    return seen


def unseen(what: str) -> Progress:  # noqa: ARG001
    return lambda done, total: None  # noqa: ARG005


def benchmark(*rivals: str) -> Benchmark:
    return Benchmark(rivals, 3, unseen, lambda message: None)  # noqa: ARG005


def test_rows_of_training_hold_medians_and_medians_of_ratios(raced: list[Entrant]) -> None:
    float32, bfloat16 = benchmark("keras", "torch").training([SHAPE], ["float32", "bfloat16"])
    shape = {"layers": 2, "units": 8, "batch_size": 3, "sequence_length": 5}
    assert float32 == shape | {
        "precision": "float32",
        "chars_per_second": 30,
        "keras_chars_per_second": 10,
        "ratio_to_keras": 2,
        "torch_chars_per_second": 10,
        "ratio_to_torch": 3,
        "limit_chars_per_second": 50,
        "ratio_to_limit": 0.6,
    }
    # Keras stays in float32, and runs once for both rows.
    assert (bfloat16["precision"], bfloat16["ratio_to_keras"], bfloat16["ratio_to_torch"]) == ("bfloat16", 6, 2)
    assert [entrant.contender for entrant in raced].count("keras") == 1


@pytest.mark.usefixtures("raced")
@pytest.mark.parametrize(("steps", "precisions"), [(256, ["float32", "bfloat16"]), (257, ["float32"])])
def test_sequences_that_are_never_trained_in_bfloat16_have_no_such_row(steps: int, precisions: list[str]) -> None:
    rows = benchmark().training([replace(SHAPE, sequence_length=steps)], ["float32", "bfloat16"])
    assert [row["precision"] for row in rows] == precisions


def test_rivals_that_take_no_part_are_null(raced: list[Entrant]) -> None:
    (row,) = benchmark("keras").training([SHAPE], ["float32"])
    assert {entrant.contender for entrant in raced} == {"charlstm", "keras", "limit"}
    assert row["torch_chars_per_second"] is None
    assert row["ratio_to_torch"] is None
    assert row["ratio_to_keras"] == 2


@pytest.mark.usefixtures("raced")
def test_the_limit_of_one_text_is_the_faster_way_to_read_the_weights() -> None:
    one, many = benchmark("keras", "torch").sampling([SHAPE], [1, 64])
    assert one == {
        "layers": 2,
        "units": 8,
        "streams": 1,
        "chars_per_second": 8,
        "keras_chars_per_second": 1,
        "ratio_to_keras": 8,
        "torch_chars_per_second": 2,
        "ratio_to_torch": 4,
        "torch_cell_chars_per_second": 4,
        "ratio_to_torch_cell": 2,
        "limit_chars_per_second": 16,
        "ratio_to_limit": 0.5,
        "limit_cores": "one",
    }
    assert (many["streams"], many["limit_chars_per_second"], many["limit_cores"]) == (64, 32, "all")


@pytest.mark.usefixtures("raced")
def test_a_machine_that_others_keep_busy_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    notes: list[str] = []
    for busy in (0.3, None, 1.26):
        monkeypatch.setattr("charlstm.benchmark.disturbance.watch", lambda busy=busy: lambda: busy)
        Benchmark((), 3, unseen, notes.append).training([SHAPE], ["float32"])
    assert notes == [
        "training 2x8, batch 3 x 5: other processes kept 1.3 cores busy meanwhile, so these figures are unreliable."
    ]


def test_who_fails_is_null_and_the_row_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    def race(entrants: Sequence[Entrant], repetitions: int, progress: Progress, left_out: Any) -> Rates:  # noqa: ARG001
        left_out("charlstm", "OSError: oh")
        return {entrant: [5.0] for entrant in entrants if entrant.contender == "limit"}

    monkeypatch.setattr("charlstm.benchmark.report.race", race)
    notes: list[str] = []
    (row,) = Benchmark((), 1, unseen, notes.append).training([SHAPE], ["float32"])
    assert notes[0] == "training 2x8, batch 3 x 5: charlstm is left out: OSError: oh"
    assert (row["chars_per_second"], row["ratio_to_limit"], row["limit_chars_per_second"]) == (None, None, 5)
