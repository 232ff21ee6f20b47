"""Options that several commands share, and how they become configuration objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from charlstm.cli.method_options import REGULARIZER_OPTIONS, SCHEDULE, SCHEDULE_OPTIONS, UPDATE_OPTIONS
from charlstm.cli.params import INTEGERS, NUMBER_OR_LIST, NUMBERS, RATE
from charlstm.config import Batching, NewSymbols, OptimizerName, Precision
from charlstm.store.runs import check_out
from charlstm.training.recipes import recipes_of

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DIRECTORY = click.Path(path_type=Path)
BY_SIZE = "by preset"
# Whoever tries the program without a text of their own should not wait long, on however slow a machine.
BUILT_IN_MINUTES = 4.0


def model_option(help_text: str) -> Decorator:
    """Give `-m/--model`; without it, commands use the newest model of the current directory."""
    return click.option("-m", "--model", type=DIRECTORY, show_default="runs/latest", help=help_text)


def models_option(help_text: str) -> Decorator:
    """Give `-m/--model`, several times if wanted; without it, the newest model of the current directory is taken."""
    return click.option(
        "-m", "--model", "models", type=DIRECTORY, multiple=True, show_default="runs/latest", help=help_text
    )


def out_option(help_text: str, command: str) -> Decorator:
    """Give `-o/--out`."""

    def checked(context: click.Context, option: click.Parameter, out: Path | None) -> Path | None:  # noqa: ARG001
        if out is not None:
            check_out(out)
        return out

    return click.option(
        "-o", "--out", type=DIRECTORY, show_default=f"runs/{command}-<n>", callback=checked, help=help_text
    )


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what stands at --out.")
random_seed_option = click.option(
    "--random-seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Same seed, same result."
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Print what --preset stands for, and do nothing.")
text_arguments = click.argument("texts", nargs=-1, metavar="[DATASET | TEXT...]")


def _max_minutes(default: str) -> Decorator:
    return click.option(
        "--max-minutes",
        type=click.FloatRange(0, min_open=True),
        show_default=default,
        envvar="CHARLSTM_MAX_MINUTES",
        show_envvar=True,
        help="End after this time, the schedule with it.",
    )


def _resume(what: str, extending: str) -> Decorator:
    return click.option(
        "--resume",
        is_flag=True,
        help=f"Go on with the {what} at --out, which has to be given, or begin it if there is none yet; more "
        f"{extending} than it had extend it.",
    )


_resume_option = _resume("run", "--epochs or --max-minutes")

_max_minutes_option = _max_minutes(f"no limit; {BUILT_IN_MINUTES:g} where no text is named")

dropout_option = click.option(
    "--dropout",
    type=NUMBERS,
    show_default=BY_SIZE,
    help="Share of each layer's outputs to drop; one, or one a layer.",
)
batching_option = click.option(
    "--batching",
    type=click.Choice(get_args(Batching)),
    default="stream",
    show_default=True,
    help="Read streams of text, or whole documents, each from a zero state; validation and test texts are one "
    "stream in either case.",
)
batch_size_option = click.option(
    "--batch-size",
    type=click.IntRange(1, 65_536),
    show_default=BY_SIZE,
    help="Streams, or documents, beside each other.",
)
sequence_length_option = click.option(
    "--sequence-length",
    type=click.IntRange(1, 65_536),
    show_default=BY_SIZE,
    help="Symbols between two updates.",
)
optimizer_option = click.option(
    "--optimizer",
    type=click.Choice(get_args(OptimizerName)),
    default="adam",
    show_default=True,
    help="Update rule; nt-asgd is sgd that averages its weights once it gets no better.",
)
clip_norm_option = click.option(
    "--clip-norm",
    type=NUMBER_OR_LIST,
    default=1.0,
    show_default=True,
    help="Largest norm of the whole gradient, or of each layer's; 0 for no limit.",
)


def _precision(auto: str) -> Decorator:
    return click.option(
        "--precision",
        type=click.Choice(["auto", *get_args(Precision)]),
        default="auto",
        show_default=True,
        help=f"Of the matrix products; auto takes bfloat16 {auto}.",
    )


precision_option = _precision("where the hardware has it")
scoring_precision_option = _precision(
    "for long texts, where the processor has it and no more cores than the models have layers"
)
# What a single update depends on, besides its rate and the regularisers.
STEP_OPTIONS = (
    dropout_option,
    batching_option,
    batch_size_option,
    sequence_length_option,
    optimizer_option,
    clip_norm_option,
    precision_option,
)

BY_TEXT_SIZE = ("default", "fast", "quality")


def _preset(*recipes: str) -> Decorator:
    others = ", or the options of a paper or program; --dry-run shows them" if recipes else ""
    return click.option(
        "--preset",
        type=click.Choice([*BY_TEXT_SIZE, *recipes]),
        default="default",
        show_default=True,
        help=f"How options that are not given are chosen from the size of the corpus{others}.",
    )


_TRAINING_OPTIONS = (
    dropout_option,
    *REGULARIZER_OPTIONS,
    batching_option,
    batch_size_option,
    sequence_length_option,
    click.option(
        "--random-lengths/--no-random-lengths",
        default=False,
        help="Let the sequence length vary at random, and the rate with it.",
    ),
    click.option("--epochs", type=click.IntRange(1), show_default=BY_SIZE, help="How often the text is read, at most."),
    _max_minutes_option,
    click.option(
        "--learning-rate",
        type=RATE,
        show_default="by optimizer; for adam 0.003, or 0.006 from scratch on a small text with weight drop",
        help="Highest rate.",
    ),
    click.option("--schedule", type=SCHEDULE, show_default="cosine; constant for nt-asgd", help="Course of the rate."),
    *SCHEDULE_OPTIONS,
    optimizer_option,
    clip_norm_option,
    *UPDATE_OPTIONS,
    click.option(
        "--patience",
        type=click.IntRange(0),
        show_default=BY_SIZE,
        help="Evaluations without a better validation loss before training ends; 0 for no end.",
    ),
    precision_option,
    random_seed_option,
    click.option(
        "--checkpoint-minutes",
        type=click.FloatRange(0, min_open=True),
        default=5.0,
        show_default=True,
        help="Time between checkpoints; each evaluation is followed by one too.",
    ),
    _resume_option,
    overwrite_option,
    json_option,
)


def trial_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give all options of a training but its random seed, for the trials of a sweep, which have several.

    Whoever compares wants each trial to come to its end, on whatever text.
    """
    of_a_sweep = {_max_minutes_option: _max_minutes("no limit"), _resume_option: _resume("sweep", "--seeds")}
    for option in reversed(_TRAINING_OPTIONS):
        if option is not random_seed_option:
            command = of_a_sweep.get(option, option)(command)
    return _preset()(command)


def training_options(name: str) -> Decorator:
    """Give all options of the training command of a name, in this order in the help page."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((_preset(*recipes_of(name)), *_TRAINING_OPTIONS, dry_run_option)):
            command = option(command)
        return command

    return decorated


freeze_head_option = click.option("--freeze-head", is_flag=True, help="Keep the softmax head as it is too.")
new_symbols_option = click.option(
    "--new-symbols",
    type=click.Choice(get_args(NewSymbols)),
    default="extend",
    show_default=True,
    help="Symbols that the base never saw are added, left out, or refused.",
)
frozen_cache_option = click.option(
    "--frozen-cache-gb",
    type=click.FloatRange(0),
    show_default="4.0, or 0 with --batching documents",
    help="Disk for outputs of frozen layers at the bottom, computed once where none but the highest drops anything.",
)
layers_option = click.option(
    "--layers", type=click.IntRange(1, 64), show_default=BY_SIZE, help="LSTM layers in the stack."
)
units_option = click.option(
    "--units", type=INTEGERS, show_default=BY_SIZE, help="Units of a layer; one, or one a layer."
)
