"""The long help pages of training: what everybody uses first, the methods of the literature under headings."""

from __future__ import annotations

import click

# Heading -> the parameters under it; all others stand before the first heading.
SECTIONS = {
    "Symbols and sequences": ("embedding", "tie_weights", "target_offset", "batching", "random_lengths"),
    "Learning rate": (
        *("schedule", "warmup_steps", "min_learning_rate", "cycle", "cycle_epochs", "cycle_growth"),
        *("decay", "decay_epochs", "decay_after", "decay_patience", "layer_rate_decay", "layer_rates"),
    ),
    "Updates": ("optimizer", "clip_norm", "rmsprop_decay", "non_monotone"),
    "Regularisation": (
        *("locked_dropout", "input_dropout", "embedding_dropout", "weight_drop", "weight_decay"),
        *("activation_regularization", "temporal_activation_regularization"),
    ),
    "Phases": ("gradual", "unfreeze", "unfreeze_every", "phase_epochs", "phase_dropout"),
}
SECTION_OF = {name: section for section, names in SECTIONS.items() for name in names}


class TrainingCommand(click.Command):
    """A command whose help page has the options of training under headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options that have no heading of their own, and then each heading with its options."""
        rows: dict[str, list[tuple[str, str]]] = {"Options": [], **{section: [] for section in SECTIONS}}
        for parameter in self.get_params(ctx):
            row = parameter.get_help_record(ctx) if isinstance(parameter, click.Option) else None
            if row is not None:
                rows[SECTION_OF.get(parameter.name or "", "Options")].append(row)
        for section, its_rows in rows.items():
            if its_rows:
                with formatter.section(section):
                    formatter.write_dl(its_rows)
