"""Standard output and error that take whatever comes, also what their encoding lacks, or when nobody reads any more."""

from __future__ import annotations

import codecs
import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def whatever_comes() -> Iterator[None]:
    """Print, in the block, what standard output's encoding lacks as an escape, and bytes that were no text as bytes.

    What standard error does not take is lost; a training goes on without its terminal, to heed the signal of its end.
    """
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper) and output.errors == "strict":
        is_unicode = codecs.lookup(output.encoding).name.startswith("utf")
        output.reconfigure(errors="surrogateescape" if is_unicode else "backslashreplace")
    with contextlib.redirect_stderr(_Forgiving(sys.stderr)):
        yield


class _Forgiving:
    """A stream that loses what it cannot write.

    Args:
        stream: what it stands for.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, if that can be done, and return the length of the text."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush, if that can be done."""
        with contextlib.suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
