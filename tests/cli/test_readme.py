"""README.md's command reference is the live help, which fits; `python tests/cli/test_readme.py` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

import click

from charlstm.cli.main import COMMANDS, main

README = Path(__file__).parents[2] / "README.md"
REFERENCE = re.compile(r"(?<=<!-- reference -->\n).*(?=<!-- end of reference -->)", re.DOTALL)


def reference() -> str:
    """Return the help pages of all commands as Markdown."""
    pages = []
    program = click.Context(main, info_name="charlstm", **main.context_settings)
    for name in COMMANDS:
        command = main.get_command(program, name)
        assert command is not None
        context = click.Context(command, info_name=name, parent=program)
        pages.append(f"### charlstm {name}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n" + "\n".join(pages) + "\n"


def test_the_command_reference_is_the_live_help() -> None:
    found = REFERENCE.search(README.read_text(encoding="utf-8"))
    assert found is not None
    assert found.group() == reference(), "run: python tests/cli/test_readme.py"


def test_the_list_of_commands_cuts_no_sentence_short() -> None:
    help_page = main.get_help(click.Context(main, info_name="charlstm", terminal_width=80))
    commands = help_page.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in commands] == list(COMMANDS)
    assert all(line.endswith(".") and not line.endswith("...") for line in commands)


def test_the_installing_lines_are_two() -> None:
    lines = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("pip install")]
    assert len(lines) == 2
    for command in ("charlstm pretrain", "charlstm transfer --retrain 0,2", 'charlstm sample --seed "aragorn"'):
        assert command in lines[0]
    assert "pytest" in lines[1]


if __name__ == "__main__":
    README.write_text(REFERENCE.sub(lambda _: reference(), README.read_text(encoding="utf-8")), encoding="utf-8")
