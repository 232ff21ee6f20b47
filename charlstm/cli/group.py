"""A group that imports a command only when it is used, and the one error boundary of the program."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import tempfile
import traceback
from typing import IO, Any

import click

from charlstm.cli.streams import discard, whatever_comes
from charlstm.errors import CharlstmError

BUG_EXIT_CODE = 3
INTERRUPT_EXIT_CODE = 130

_ELSEWHERE = "choose another --out, or change its permissions"
_HINTS = {
    errno.ENOSPC: "free some space, or choose another --out",
    errno.EDQUOT: "free some space, or choose another --out",
    errno.EACCES: _ELSEWHERE,
    errno.EPERM: _ELSEWHERE,
    errno.EROFS: _ELSEWHERE,
    errno.EFBIG: "choose another --out",
}


class CommandGroup(click.Group):
    """Commands by the name of their module, each of which holds a click command called `command`.

    Args:
        modules: command name -> module, in the order of the help page.
    """

    def __init__(self, *args: Any, modules: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the command names in the order in which a person meets them."""
        return list(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command's module and return its command; None for an unknown name."""
        if cmd_name not in self.modules:
            return None
        command: click.Command = importlib.import_module(self.modules[cmd_name]).command
        return command

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program."""
        with whatever_comes():
            return super().main(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; every failure leaves as one sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except CharlstmError as error:
            raise Failure(str(error), error.exit_code) from error
        except KeyboardInterrupt as error:
            raise Failure("interrupted", INTERRUPT_EXIT_CODE) from error
        except BrokenPipeError:
            # The reader has enough (`| head`); Python's own flush at exit must not complain either.
            discard(sys.stdout)
            raise click.exceptions.Exit(0) from None
        except OSError as error:
            raise Failure(_describe(error), CharlstmError.exit_code) from error
        except MemoryError as error:
            raise Failure("not enough memory: take a smaller model or batch", CharlstmError.exit_code) from error
        except Exception as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
                raise Failure(f"a bug: {type(error).__name__}: {error}", BUG_EXIT_CODE) from error
            where = _save_traceback()
            message = f"a bug: {type(error).__name__}: {_one_line(error)} (traceback: {where}; --debug shows it)"
            raise Failure(message, BUG_EXIT_CODE) from error


class Failure(click.ClickException):
    """One sentence for stderr and the exit code that goes with it."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence."""
        click.echo(f"Error: {visible(self.message)}", file=file, err=True)


def visible(text: str) -> str:
    """Return `text` with control characters and lone surrogates made visible; line ends and tabs stay."""
    return "".join(character if _harmless(character) else _escaped(character) for character in text)


def _harmless(character: str) -> bool:
    return character.isprintable() or character in "\n\t"


def _escaped(character: str) -> str:
    # Separators such as the no-break space are not "printable" for Python, but harmless on a terminal.
    if character.isspace() and ord(character) >= 0xA0:
        return character
    return character.encode("unicode_escape").decode("ascii")


def _describe(error: OSError) -> str:
    what = error.strerror or str(error)
    if hint := _HINTS.get(error.errno or 0):
        what += f": {hint}; what was written whole still stands"
    if error.filename is None:
        return what
    where = os.fsdecode(error.filename) if isinstance(error.filename, bytes) else error.filename
    return f"{where}: {what}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _save_traceback() -> str:
    try:
        handle, name = tempfile.mkstemp(prefix="charlstm-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exc(file=file)
    except OSError:
        return "could not be saved"
    return name
