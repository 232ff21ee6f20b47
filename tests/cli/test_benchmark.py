from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from charlstm.cli.main import main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["benchmark", *arguments])


def test_a_small_benchmark_ends_with_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # noqa: ARG005
    shape = ("--layers", "1", "--units", "8", "--batch-size", "2", "--sequence-length", "5")
    result = run(*shape, "--repetitions", "1", "--num-samples", "1", "--against", "torch", "--json")
    assert result.exit_code == 0, result.stderr
    assert "PyTorch is not installed: left out." in result.stderr
    document = json.loads(result.stdout)
    assert list(document) == ["training", "sampling"]
    assert document["training"][0]["precision"] == "float32"
    (sampling,) = document["sampling"]
    assert sampling["limit_cores"] in ("one", "all")
    for row in (*document["training"], sampling):
        assert row["chars_per_second"] > 0
        assert row["limit_chars_per_second"] > 0
        assert row["ratio_to_limit"] > 0
        assert row["torch_chars_per_second"] is None


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let every race be over at once, with a rate for some."""
    races: dict[str, Any] = {"shapes": [], "own": 1234.5}

    def race(entrants: Any, repetitions: int, progress: Callable[[int, int], None], left_out: Any) -> Any:  # noqa: ARG001
        progress(0, 1)
        races["shapes"] += [entrant.shape for entrant in entrants if entrant.contender == "charlstm"]
        rates = {"charlstm": races["own"], "limit": 5000.0}
        taking_part = [entrant for entrant in entrants if rates.get(entrant.contender)]
        return {entrant: [rates[entrant.contender]] * repetitions for entrant in taking_part}

    monkeypatch.setattr("charlstm.benchmark.report.race", race)
    return races


def test_the_tables_name_rates_and_ratios(rows: dict[str, Any]) -> None:
    result = run("--num-samples", "3,3,1")
    assert result.exit_code == 0, result.stderr
    assert "3x512, 64x100" in result.stdout
    assert "1,234" in result.stdout
    assert "5,000 (0.25)" in result.stdout
    assert "training 2x128, batch 64 x 50 ..." in result.stderr
    sampled = [(shape.layers, shape.units, shape.batch_size) for shape in rows["shapes"][-6:]]
    assert sampled == [(3, 512, 3), (3, 512, 1), (3, 256, 3), (3, 256, 1), (2, 128, 3), (2, 128, 1)]


def test_a_shape_given_in_part_has_the_rest_from_the_first(rows: dict[str, Any]) -> None:
    assert run("--units", "64").exit_code == 0
    assert {(shape.layers, shape.units) for shape in rows["shapes"]} == {(3, 64)}
    assert (rows["shapes"][0].batch_size, rows["shapes"][0].sequence_length) == (64, 100)


def test_a_failure_of_this_program_is_an_error_after_the_table(rows: dict[str, Any]) -> None:
    rows["own"] = None
    result = run()
    assert result.exit_code == 1
    assert "5,000" in result.stdout
    assert "not everything could be measured" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--against", "jax"), "'jax' is not keras, torch"),
        (("--num-samples", "0"), "--num-samples 0: each must be between 1 and 4,096"),
        (("--num-samples", "x"), "not a list of integers"),
        (("--layers", "0"), "0 is not in the range"),
        (("--repetitions", "0"), "0 is not in the range"),
    ],
)
def test_wrong_options_are_a_sentence_and_exit_code_2(arguments: tuple[str, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
