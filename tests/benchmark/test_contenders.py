"""Every contender does its work, at a tiny size, in this process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from charlstm.benchmark import limit, own, stock_keras
from charlstm.benchmark.contenders import MODULES, Entrant, Shape, Task, installed
from charlstm.benchmark.worker import Repetition
from charlstm.model.processor import processor_has_bfloat16
from charlstm.training.step import MOST_STEPS

SHAPE = Shape(2, 8, 3, 5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_this_program_trains(precision: own.Precision) -> None:
    step = own.training(SHAPE, precision)
    # Of so small a network, several steps go into a call.
    assert step() == MOST_STEPS * SHAPE.chars
    assert Repetition(step).run() > 0


def test_this_program_samples() -> None:
    assert Repetition(own.sampling(SHAPE, "float32")).run() > 0


@pytest.mark.parametrize("work", [stock_keras.training, stock_keras.sampling])
def test_keras_works(work: object) -> None:
    assert callable(work)
    assert Repetition(work(SHAPE, "float32")).run() > 0


@pytest.mark.parametrize("task", ["training", "sampling"])
def test_keras_runs_on_tensorflow_whatever_it_usually_runs_on(task: Task) -> None:
    code = f"""
from charlstm.benchmark.contenders import Entrant, Shape
step = Entrant("keras", {task!r}, Shape(2, 8, 3, 5)).prepare()
step()
import keras
print(keras.backend.backend())
"""
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "tensorflow\n"


@pytest.mark.parametrize("work", [limit.reading_on_one_core, limit.reading_on_all_cores])
def test_weights_are_read(work: object) -> None:
    assert callable(work)
    assert Repetition(work(SHAPE, "float32")).run() > 0


@pytest.mark.parametrize("task", ["training", "sampling", "sampling_with_cells"])
def test_pytorch_works_where_it_is_installed(task: Task) -> None:
    # In a process of its own: PyTorch beside TensorFlow in one is asking for trouble.
    if not installed(["torch"], lambda message: None):  # noqa: ARG005
        pytest.skip("PyTorch is not installed")
    # As in the benchmark: PyTorch has no bfloat16 LSTM for a processor without such products.
    precision = "bfloat16" if processor_has_bfloat16() else "float32"
    code = (
        "from charlstm.benchmark.contenders import Entrant, Shape\n"
        f"step = Entrant('torch', {task!r}, Shape(2, 8, 3, 5), {precision!r}).prepare()\nstep()\nstep()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_contender_has_a_module() -> None:
    for name in MODULES:
        with pytest.raises(AttributeError, match="no_such_task"):
            Entrant(name, "no_such_task", SHAPE).prepare()  # type: ignore[arg-type]


def test_a_rival_that_is_not_installed_is_noted() -> None:
    notes: list[str] = []
    assert installed(["keras"], notes.append) == ["keras"]
    assert notes == []


def test_a_missing_rival_is_left_out_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else name)
    notes: list[str] = []
    assert installed(["keras", "torch"], notes.append) == ["keras"]
    assert notes == ["PyTorch is not installed: left out."]
