from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from charlstm.errors import ModelError, OptionError
from charlstm.store.sweep_file import SweepBase, SweepFile, read_sweep, write_sweep
from charlstm.store.trial_result import TrialResult, read_result, write_result

SWEEP = SweepFile(
    command="charlstm sweep poems",
    texts=("poems",),
    fingerprint="f",
    bases=(SweepBase("books", "models/books", "a", (8, 8)), SweepBase("books-2", "other/books", "b", (9,))),
    subsets=("0", "all"),
    scratch=True,
    scratch_units=(8,),
    scratch_layers=(1, 2),
    seeds=1_000,
    fractions=(1.0, 0.5),
    freeze_head=False,
    new_symbols="extend",
    preset="default",
    dropout=(0.1,),
    training={"precision": "float32", "epochs": 3},
)
RESULT = TrialResult(
    train_nats_per_char=1.0,
    valid_nats_per_char=2.0,
    test_nats=(3.0, 1 / 3),
    test_chars=(2, 1),
    padded_nats_per_char=1.0,
    parameters=5,
    trained_parameters=4,
    epochs=2.5,
    training_seconds=0.1,
    stopped_by="patience",
)


def change(path: Path, key: str, value: Any) -> None:
    document = json.loads(path.read_text())
    if value is None:
        del document[key]
    else:
        document[key] = value
    path.write_text(json.dumps(document))


def test_a_sweep_reads_back_the_same(tmp_path: Path) -> None:
    write_sweep(tmp_path, SWEEP)
    assert read_sweep(tmp_path) == SWEEP


def test_a_result_reads_back_the_same(tmp_path: Path) -> None:
    write_result(tmp_path, RESULT)
    assert read_result(tmp_path) == RESULT
    assert RESULT.test_nats_per_char == pytest.approx((3 + 1 / 3) / 3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", 2),
        ("format_version", True),
        ("seeds", None),
        ("seeds", 0),
        ("seeds", 10**9),
        ("seeds", "3"),
        ("more", 1),
        ("fractions", [number / 50 for number in range(1, 51)]),
        ("fractions", []),
        ("fractions", [1.5]),
        ("subsets", ["../../etc"]),
        ("subsets", ["every", "0"]),
        ("scratch_units", [-1]),
        ("preset", "slow"),
        ("training", {"precision": "float32", "epochs": "many"}),
        ("training", {"precision": "float32", "epochs": 0}),
        ("training", {"precision": "float32", "speed": 1}),
        ("training", {}),
        ("bases", []),
        ("bases", [{"label": "..", "path": "p", "sha256": "a", "units": [8]}]),
        ("bases", [{"label": "a/b", "path": "p", "sha256": "a", "units": [8]}]),
        ("bases", [{"label": "a", "path": "p", "sha256": "a", "units": []}]),
        ("bases", [{"label": "a", "path": "p", "sha256": "a", "units": [8]}] * 2),
        ("bases", [{"label": "a"}]),
        ("command", "charlstm sweep '"),
    ],
)
def test_a_sweep_file_of_another_form_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    write_sweep(tmp_path, SWEEP)
    change(tmp_path / "sweep.json", key, value)
    with pytest.raises(ModelError, match=r"sweep\.json"):
        read_sweep(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format_version", 2),
        ("epochs", None),
        ("test_nats", [1.0]),
        ("test_nats", [1.0, -1.0]),
        ("test_chars", [0, 0]),
        ("test_chars", [3, -1]),
        ("test_chars", [1.5, 1]),
        ("test_nats", "many"),
    ],
)
def test_a_result_of_another_form_is_refused(tmp_path: Path, key: str, value: Any) -> None:
    write_result(tmp_path, RESULT)
    change(tmp_path / "result.json", key, value)
    with pytest.raises(ModelError, match=r"result\.json"):
        read_result(tmp_path)


def test_what_is_asked_for_is_named_in_the_error() -> None:
    with pytest.raises(OptionError, match="--subsets 'x'"):
        SweepFile(**{**vars(SWEEP), "subsets": ("x",)})
    with pytest.raises(OptionError, match="--fractions 0"):
        SweepFile(**{**vars(SWEEP), "fractions": (0.0,)})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"seeds": 8_334}, "--seeds 8334 makes 100,008 trials in all; at most 100,000 are run"),
        ({"seeds": 10_000, "subsets": ("every",), "scratch": False}, "--seeds 10000 makes 120,002 trials in all"),
        ({"seeds": 10_000, "subsets": ("every",), "scratch": False, "freeze_head": True}, None),
        ({"seeds": 8_333}, None),
        ({"seeds": 10_000, "subsets": ("0", "1", "untouched"), "scratch": False}, None),
    ],
)
def test_a_sweep_has_no_more_trials_than_can_be_run(tmp_path: Path, changes: dict[str, Any], says: str | None) -> None:
    if says is None:
        write_sweep(tmp_path, SweepFile(**{**vars(SWEEP), **changes}))
        assert read_sweep(tmp_path).seeds == changes["seeds"]
        return
    with pytest.raises(OptionError, match=says):
        SweepFile(**{**vars(SWEEP), **changes})
    write_sweep(tmp_path, SWEEP)
    for key, value in changes.items():
        change(tmp_path / "sweep.json", key, list(value) if isinstance(value, tuple) else value)
    with pytest.raises(ModelError, match=rf"sweep\.json: {says}"):
        read_sweep(tmp_path)
