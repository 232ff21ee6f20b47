"""The entry point: which command is in which module."""

from __future__ import annotations

import click

from charlstm import __version__
from charlstm.cli.group import CommandGroup
from charlstm.model.runtime import choose_numpy_products

COMMANDS = {
    "preprocess": "charlstm.cli.commands.preprocess",
    "pretrain": "charlstm.cli.commands.pretrain",
    "transfer": "charlstm.cli.commands.transfer",
    "find-rate": "charlstm.cli.commands.find_rate",
    "sweep": "charlstm.cli.commands.sweep",
    "sample": "charlstm.cli.commands.sample",
    "evaluate": "charlstm.cli.commands.evaluate",
    "score": "charlstm.cli.commands.score",
    "report": "charlstm.cli.commands.report",
    "benchmark": "charlstm.cli.commands.benchmark",
    "info": "charlstm.cli.commands.info",
    "plot": "charlstm.cli.commands.plot",
}


@click.group(cls=CommandGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(__version__, message="%(prog)s %(version)s")
def main(debug: bool) -> None:
    """Train a character-level LSTM on a large corpus, carry it over to a tiny one, write in its style.

    Three lines to begin with, no file needed:

    \b
      charlstm pretrain                    learn English from Python's own manual
      charlstm transfer --retrain 0,2      carry it over to original ballads
      charlstm sample --seed "aragorn"     and let it sing
    """
    del debug  # read by the error boundary
    choose_numpy_products()
