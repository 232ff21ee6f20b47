"""Options for the methods of the literature; the parts of several commands' options, and options of one or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import click

from charlstm.cli.params import GIVEN, INTEGERS, NUMBER_LISTS, NUMBERS
from charlstm.errors import OptionError
from charlstm.method_config import WARMED_UP, CycleShape, ScheduleName, UnfreezeName

SCHEDULE = click.Choice(get_args(ScheduleName))
SHARE = click.FloatRange(0, 1, max_open=True)
# An option -> the choice that decides whether anything reads it, and what has to be chosen.
READ_BY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "warmup_steps": ("schedule", WARMED_UP),
    "cycle": ("schedule", ("cyclical",)),
    "cycle_epochs": ("schedule", ("cyclical", "sgdr")),
    "cycle_growth": ("schedule", ("sgdr",)),
    "decay": ("schedule", ("step", "plateau", "cyclical")),
    "decay_epochs": ("schedule", ("step",)),
    "decay_after": ("schedule", ("step",)),
    "decay_patience": ("schedule", ("plateau",)),
    "rmsprop_decay": ("optimizer", ("rmsprop",)),
    "non_monotone": ("optimizer", ("nt-asgd",)),
    "unfreeze_every": ("unfreeze", ("gradual", "chain")),
}
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
        type=click.Choice(get_args(CycleShape)),
        default="triangular",
        show_default=True,
        help="How cyclical rates go on: alike, halved each cycle, or shrinking by --decay a cycle.",
    ),
    click.option(
        "--cycle-epochs",
        type=click.FloatRange(0.001),
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
        help="What step, plateau and exp_range multiply the rate by.",
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
        help="Epochs without a better validation loss before plateau decays.",
    ),
)
REGULARIZER_OPTIONS = (
    click.option(
        "--locked-dropout/--no-locked-dropout", default=False, help="Keep each dropout mask for a whole sequence."
    ),
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
        show_default="0; from scratch on a small text 0.5",
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
)
UPDATE_OPTIONS = (
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
        help="Newest epochs that nt-asgd leaves out when it compares with the best.",
    ),
    click.option(
        "--layer-rate-decay",
        type=click.FloatRange(0.001, 1000),
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
)


def refuse_idle(context: click.Context) -> None:
    """Refuse an option that is given and that nothing reads, beside what else is chosen.

    Raises:
        OptionError: there is one.
    """
    from charlstm.training.presets import usual_schedule

    for name, (choice, readers) in READ_BY.items():
        if context.get_parameter_source(name) not in GIVEN:
            continue
        chosen = context.params[choice] or usual_schedule(context.params["optimizer"])
        if name == "decay" and chosen == "cyclical":
            choice, readers, chosen = "cycle", ("exp_range",), context.params["cycle"]
        if chosen not in readers:
            raise OptionError(
                f"--{name.replace('_', '-')} is of --{choice} {' and '.join(readers)}, not of {chosen}: leave it out, "
                f"or give --{choice} too"
            )


def schedule_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give what shapes a schedule, for who only looks at one."""
    for option in reversed(SCHEDULE_OPTIONS):
        command = option(command)
    return command


embedding_option = click.option(
    "--embedding",
    type=click.IntRange(0, 65_536),
    show_default="0 for characters, 256 for words",
    help="Size of a learned vector for each symbol; 0 for one-hot symbols.",
)
tie_weights_option = click.option(
    "--tie-weights/--no-tie-weights", default=False, help="Let the softmax head be the embedding."
)
target_offset_option = click.option(
    "--target-offset",
    type=click.IntRange(1, 65_536),
    default=1,
    show_default=True,
    help="How many symbols further the predicted one is; each of N given predicts the N-th after it.",
)
gradual_option = click.option(
    "--gradual/--no-gradual",
    default=False,
    help="Begin with one layer and add one in each of several phases; all of them train.",
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
    type=click.Choice(get_args(UnfreezeName)),
    default="none",
    show_default=True,
    help="Let the head train first and then one more layer downwards in each phase; or each layer alone, then all.",
)
unfreeze_every_option = click.option(
    "--unfreeze-every", type=click.IntRange(1), default=1, show_default=True, help="Epochs of these phases."
)
