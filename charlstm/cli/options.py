"""Options that several commands share, and how they become configuration objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from charlstm.cli.params import INTEGERS, NUMBER_LISTS, NUMBER_OR_LIST, NUMBERS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

DIRECTORY = click.Path(path_type=Path)
BY_SIZE = "by preset"
# Whoever tries the program without a text of their own should not wait long, on however slow a machine.
BUILT_IN_MINUTES = 4.0


def model_option(help_text: str, *, required: bool = False) -> Decorator:
    """Give `-m/--model`; without it, commands use the newest model of the current directory."""
    default = None if required else "runs/latest"
    return click.option("-m", "--model", type=DIRECTORY, required=required, show_default=default, help=help_text)


def out_option(help_text: str, command: str) -> Decorator:
    """Give `-o/--out`."""
    return click.option("-o", "--out", type=DIRECTORY, show_default=f"runs/{command}-<n>", help=help_text)


json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what stands at --out.")
random_seed_option = click.option(
    "--random-seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Same seed, same result."
)
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


_max_minutes_option = _max_minutes(f"no limit; {BUILT_IN_MINUTES:g} on a built-in corpus")

SCHEDULE = click.Choice(["constant", "cosine", "stlr", "cyclical", "sgdr", "one-cycle", "plateau", "step"])
SHARE = click.FloatRange(0, 1, max_open=True)
SCHEDULE_OPTIONS = (
    click.option(
        "--warmup-steps",
        type=click.IntRange(0),
        show_default="100, or 0 where the schedule rises by itself",
        help="Updates in which the rate rises.",
    ),
    click.option(
        "--min-learning-rate", type=click.FloatRange(0), show_default="by schedule", help="Lowest rate of the schedule."
    ),
    click.option(
        "--cycle",
        type=click.Choice(["triangular", "triangular2", "exp-range"]),
        default="triangular",
        show_default=True,
        help="How cyclical rates go on: alike, halved each cycle, or shrinking by --decay a cycle.",
    ),
    click.option(
        "--cycle-epochs",
        type=click.FloatRange(0, min_open=True),
        show_default="about 4 in cyclical, 1 in sgdr",
        help="Epochs of the first cycle of cyclical and sgdr.",
    ),
    click.option(
        "--cycle-growth",
        type=click.FloatRange(1),
        default=2.0,
        show_default=True,
        help="How many times as long each cycle of sgdr is as the one before.",
    ),
    click.option(
        "--decay",
        type=click.FloatRange(0, 1, min_open=True),
        default=0.85,
        show_default=True,
        help="What step, plateau and exp-range multiply the rate by.",
    ),
    click.option(
        "--decay-epochs",
        type=NUMBERS,
        default="1",
        show_default=True,
        help="Epochs between two decays of step; several are the epochs of the decays.",
    ),
    click.option(
        "--decay-after",
        type=click.FloatRange(0),
        default=0.0,
        show_default=True,
        help="Epochs before step begins to count.",
    ),
    click.option(
        "--decay-patience",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        help="Evaluations without a better validation loss before plateau decays.",
    ),
)

_TRAINING_OPTIONS = (
    click.option(
        "--preset",
        type=click.Choice(["default", "fast", "quality"]),
        default="default",
        show_default=True,
        help="How options that are not given are chosen from the size of the corpus.",
    ),
    click.option(
        "--dropout",
        type=NUMBERS,
        show_default=BY_SIZE,
        help="Share of each layer's outputs to drop; one, or one a layer.",
    ),
    click.option("--locked-dropout", is_flag=True, help="Keep each dropout mask for a whole sequence."),
    click.option(
        "--input-dropout",
        type=SHARE,
        default=0.0,
        show_default=True,
        help="Share of the embedded input to drop.",
    ),
    click.option(
        "--embedding-dropout",
        type=SHARE,
        default=0.0,
        show_default=True,
        help="Share of the symbols to drop, for a whole sequence.",
    ),
    click.option(
        "--weight-drop",
        type=SHARE,
        default=0.0,
        show_default=True,
        help="Share of the recurrent weights to drop, for a whole sequence.",
    ),
    click.option(
        "--activation-regularization",
        type=click.FloatRange(0),
        default=0.0,
        show_default=True,
        help="Penalty on large outputs of the highest layer.",
    ),
    click.option(
        "--temporal-activation-regularization",
        type=click.FloatRange(0),
        default=0.0,
        show_default=True,
        help="Penalty on outputs of the highest layer that change from step to step.",
    ),
    click.option(
        "--batching",
        type=click.Choice(["stream", "documents"]),
        default="stream",
        show_default=True,
        help="Read streams of text, or whole documents, each from a zero state; validation and test texts are one "
        "stream in either case.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 65_536),
        show_default=BY_SIZE,
        help="Streams, or documents, beside each other.",
    ),
    click.option(
        "--sequence-length",
        type=click.IntRange(1, 65_536),
        show_default=BY_SIZE,
        help="Characters between two updates.",
    ),
    click.option("--epochs", type=click.IntRange(1), show_default=BY_SIZE, help="How often the text is read, at most."),
    _max_minutes_option,
    click.option(
        "--learning-rate", type=click.FloatRange(0, min_open=True), show_default="by optimizer", help="Highest rate."
    ),
    click.option("--schedule", type=SCHEDULE, default="cosine", show_default=True, help="Course of the rate."),
    *SCHEDULE_OPTIONS,
    click.option(
        "--optimizer",
        type=click.Choice(["adam", "rmsprop", "sgd", "nt-asgd"]),
        default="adam",
        show_default=True,
        help="Update rule; nt-asgd is sgd that averages its weights once it gets no better.",
    ),
    click.option(
        "--rmsprop-decay",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.99,
        show_default=True,
        help="How much of its mean of squared gradients rmsprop keeps.",
    ),
    click.option(
        "--non-monotone",
        type=click.IntRange(0),
        default=5,
        show_default=True,
        help="Newest evaluations that nt-asgd leaves out when it compares with the best.",
    ),
    click.option(
        "--clip-norm",
        type=NUMBER_OR_LIST,
        default=1.0,
        show_default=True,
        help="Largest norm of the whole gradient, or of each layer's; 0 for no limit.",
    ),
    click.option(
        "--layer-rate-decay",
        type=click.FloatRange(0, min_open=True),
        default=1.0,
        show_default=True,
        help="What the rate is divided by from each layer to the one below it.",
    ),
    click.option(
        "--layer-rates",
        type=NUMBERS,
        show_default="--learning-rate",
        help="Highest rate of each LSTM layer, from the bottom, and maybe of the head.",
    ),
    click.option(
        "--weight-decay",
        type=click.FloatRange(0, 1, max_open=True),
        default=0.0,
        show_default=True,
        help="Share of the weights that an update takes away, times the rate.",
    ),
    click.option(
        "--patience",
        type=click.IntRange(0),
        show_default=BY_SIZE,
        help="Evaluations without a better validation loss before training ends; 0 for no end.",
    ),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        show_default=True,
        help="Of the matrix products; auto takes bfloat16 where the hardware has it.",
    ),
    random_seed_option,
    click.option(
        "--checkpoint-minutes",
        type=click.FloatRange(0, min_open=True),
        default=5.0,
        show_default=True,
        help="Time between checkpoints; each evaluation is followed by one too.",
    ),
    click.option("--resume", is_flag=True, help="Go on with the run at --out, or begin it if there is none yet."),
    overwrite_option,
    json_option,
)


def trial_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give all options of a training but its random seed, for the trials of a sweep, which have several.

    Whoever compares wants each trial to come to its end, on whatever text.
    """
    for option in reversed(_TRAINING_OPTIONS):
        if option is _max_minutes_option:
            command = _max_minutes("no limit")(command)
        elif option is not random_seed_option:
            command = option(command)
    return command


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give all options of a training, in this order in the help page."""
    for option in reversed(_TRAINING_OPTIONS):
        command = option(command)
    return command


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give what shapes a schedule, for who only looks at one."""
    for option in reversed(SCHEDULE_OPTIONS):
        command = option(command)
    return command


freeze_head_option = click.option("--freeze-head", is_flag=True, help="Keep the softmax head as it is too.")
new_symbols_option = click.option(
    "--new-symbols",
    type=click.Choice(["extend", "drop", "error"]),
    default="extend",
    show_default=True,
    help="Symbols that the base never saw are added, left out, or refused.",
)
frozen_cache_option = click.option(
    "--frozen-cache-gb",
    type=click.FloatRange(0),
    show_default="4.0, or 0 with --batching documents",
    help="Disk for outputs of frozen layers at the bottom, computed only once where they are without dropout.",
)
layers_option = click.option(
    "--layers", type=click.IntRange(1, 64), show_default=BY_SIZE, help="LSTM layers in the stack."
)
units_option = click.option(
    "--units", type=INTEGERS, show_default=BY_SIZE, help="Units of a layer; one, or one a layer."
)
embedding_option = click.option(
    "--embedding",
    type=click.IntRange(0, 65_536),
    default=0,
    show_default=True,
    help="Size of a learned vector for each symbol; 0 for one-hot symbols.",
)
tie_weights_option = click.option("--tie-weights", is_flag=True, help="Let the softmax head be the embedding.")
gradual_option = click.option(
    "--gradual", is_flag=True, help="Begin with one layer and add one in each of several phases; all of them train."
)
phase_epochs_option = click.option(
    "--phase-epochs",
    type=INTEGERS,
    show_default="equal parts",
    help="Epochs of each phase but the last, which has the rest of --epochs; one, or one a phase.",
)
phase_dropout_option = click.option(
    "--phase-dropout",
    type=NUMBER_LISTS,
    show_default="--dropout",
    help="The dropout of each phase's layers, such as '0.1;0.1,0.3;0.1,0.2,0.4'.",
)
unfreeze_option = click.option(
    "--unfreeze",
    type=click.Choice(["none", "gradual", "chain"]),
    default="none",
    show_default=True,
    help="Let the head train first and then one more layer downwards in each phase; or each layer alone, then all.",
)
unfreeze_every_option = click.option(
    "--unfreeze-every", type=click.IntRange(1), default=1, show_default=True, help="Epochs of these phases."
)
