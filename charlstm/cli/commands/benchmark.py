"""charlstm benchmark: how fast this machine trains and samples, and how fast it could."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click

from charlstm.cli.options import json_option
from charlstm.cli.params import INTEGERS

RIVALS = ("keras", "torch")
MOST_SAMPLES = 4096


class RivalList(click.ParamType[Any]):
    """Rivals between commas, or none."""

    name = "rivals"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        """Return what stands for the value in a help page."""
        return "keras,torch|none"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text into a tuple of names."""
        if isinstance(value, tuple):
            return value
        names = () if value == "none" else tuple(value.split(","))
        if any(name not in RIVALS for name in names):
            self.fail(f"{value!r} is not keras, torch, both with a comma, or none", param, ctx)
        return names


@click.command()
@click.option("--layers", type=click.IntRange(1, 64), show_default="all shapes", help="LSTM layers in the stack.")
@click.option("--units", type=click.IntRange(1, 65_536), show_default="all shapes", help="Units of each layer.")
@click.option(
    "--batch-size", type=click.IntRange(1, 65_536), show_default="all shapes", help="Parallel streams of text."
)
@click.option(
    "--sequence-length",
    type=click.IntRange(1, 65_536),
    show_default="all shapes",
    help="Characters between two updates.",
)
@click.option("--num-samples", type=INTEGERS, default="1,64", show_default=True, help="Texts to write at once.")
@click.option("--against", type=RivalList(), default="keras,torch", show_default=True, help="Whom to compare with.")
@click.option(
    "--repetitions", type=click.IntRange(1, 1000), default=7, show_default=True, help="To take each median of."
)
@json_option
def command(
    layers: int | None,
    units: int | None,
    batch_size: int | None,
    sequence_length: int | None,
    num_samples: tuple[int, ...],
    against: tuple[str, ...],
    repetitions: int,
    as_json: bool,
) -> None:
    """Measure training and sampling on this machine's processor.

    In turns with stock keras.layers.LSTM, with PyTorch if it is installed, and with the limit of the hardware: the
    matrix products of the same shapes alone, or for one text the time to read the weights. On two cores it takes
    about four minutes; keep the machine quiet meanwhile.

    Without options, three shapes: 3 layers of 512 units and 3 of 256, batch 64 of 100 characters, and 2 of 128,
    batch 64 of 50. A shape that is given in part has the rest from the first.
    """
    from charlstm.benchmark.contenders import Shape, installed
    from charlstm.benchmark.report import SAMPLING_SHAPES, TRAINING_SHAPES, Benchmark
    from charlstm.cli.console import emit_json, note
    from charlstm.errors import CharlstmError, OptionError
    from charlstm.model.processor import processor_has_bfloat16

    if not all(1 <= count <= MOST_SAMPLES for count in num_samples):
        given = ",".join(map(str, num_samples))
        raise OptionError(f"--num-samples {given}: each must be between 1 and {MOST_SAMPLES:,}")
    training_shapes: tuple[Shape, ...] = TRAINING_SHAPES
    sampling_shapes: tuple[Shape, ...] = SAMPLING_SHAPES
    if any((layers, units, batch_size, sequence_length)):
        first = TRAINING_SHAPES[0]
        shape = Shape(
            layers or first.layers,
            units or first.units,
            batch_size or first.batch_size,
            sequence_length or first.sequence_length,
        )
        training_shapes = sampling_shapes = (shape,)
    with _progress() as announce:
        benchmark = Benchmark(installed(against, note), repetitions, announce, note)
        training = benchmark.training(
            training_shapes, ("float32", "bfloat16") if processor_has_bfloat16() else ("float32",)
        )
        sampling = benchmark.sampling(sampling_shapes, list(dict.fromkeys(num_samples)))
    if as_json:
        emit_json({"training": training, "sampling": sampling})
    else:
        _emit_tables(training, sampling)
    if any(row["chars_per_second"] is None for row in (*training, *sampling)):
        raise CharlstmError("not everything could be measured: see the notes above")


def _emit_tables(training: list[dict[str, Any]], sampling: list[dict[str, Any]]) -> None:
    from charlstm.cli.console import emit_table

    explained = "characters per second (how many times as fast charlstm is)"
    columns = ("layers, batch", "precision", "charlstm", "Keras float32", "PyTorch", "limit")
    rows = [
        (
            f"{row['layers']}x{row['units']}, {row['batch_size']}x{row['sequence_length']}",
            row["precision"],
            _rate(row["chars_per_second"]),
            *(_compared(row, name) for name in ("keras", "torch", "limit")),
        )
        for row in training
    ]
    emit_table(f"Training: {explained}", columns, rows, spare=("limit",))
    sampling_rows = [
        (
            f"{row['layers']}x{row['units']}",
            str(row["streams"]),
            _rate(row["chars_per_second"]),
            *(_compared(row, name) for name in ("keras", "torch", "torch_cell", "limit")),
            "-" if row["limit_cores"] is None else row["limit_cores"],
        )
        for row in sampling
    ]
    sampling_columns = (
        *("layers", "texts", "charlstm", "Keras", "PyTorch LSTM", "PyTorch LSTMCell", "limit", "limit's cores"),
    )
    spare = ("limit's cores", "PyTorch LSTM", "limit")
    emit_table(f"Sampling: {explained}", sampling_columns, sampling_rows, spare=spare)


def _compared(row: dict[str, Any], rival: str) -> str:
    ratio = row[f"ratio_to_{rival}"]
    return _rate(row[f"{rival}_chars_per_second"]) + ("" if ratio is None else f" ({ratio:.2f})")


def _rate(chars_per_second: float | None) -> str:
    return "-" if chars_per_second is None else f"{chars_per_second:,.0f}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    """Give what announces a race: a bar on a terminal's stderr, a line elsewhere."""
    from charlstm.cli.console import note, stderr_is_terminal

    if not stderr_is_terminal():

        def announce(what: str) -> Callable[[int, int], None]:
            note(f"{what} ...")
            return lambda done, total: None  # noqa: ARG005

        yield announce
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def draw(what: str) -> Callable[[int, int], None]:
            bar.reset(task, description=what, total=None)
            return lambda done, total: bar.update(task, completed=done, total=total)

        yield draw
