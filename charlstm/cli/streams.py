"""Standard streams that take whatever comes, also what their encoding lacks, or when they are closed."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import IO, Any


@contextlib.contextmanager
def whatever_comes() -> Iterator[None]:
    """Print, in the block, what standard output's encoding lacks as an escape, and bytes that were no text as bytes.

    What standard error does not take is lost; a training goes on without its terminal, to heed the signal of its end.
    A stream that was closed when the program began holds nothing, and takes what is lost.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # In this order each takes the number that its stream left free.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper) and output.errors == "strict":
        is_unicode = codecs.lookup(output.encoding).name.startswith("utf")
        output.reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")
    with contextlib.redirect_stderr(_Forgiving(sys.stderr)):
        yield


def discard(stream: IO[str]) -> None:
    """Let a stream that nobody reads any more end nowhere: Python flushes it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Forgiving:
    """A stream that loses what it cannot write, from then on.

    Args:
        stream: what it stands for.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be done, and return the length of the text."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be done."""
        self._try(self._stream.flush)

    def _try(self, use: Callable[[], object]) -> None:
        try:
            use()
        except OSError:
            with contextlib.suppress(OSError):  # no stream of the system's
                discard(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
