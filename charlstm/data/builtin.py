"""The built-in corpora: text that is at hand without a file or a network."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Callable


def builtin_documents(name: str) -> list[str]:
    """Return the documents of a built-in corpus, in a fixed order.

    Args:
        name: one of `BUILTIN_CORPORA`.
    """
    return BUILTIN_CORPORA[name]()


def _python_manual() -> list[str]:
    # A large module of text, imported only where it is used.
    from pydoc_data.topics import topics

    return [topics[name] for name in sorted(topics)]


def _ballads() -> list[str]:
    text = importlib.resources.files("charlstm.data").joinpath("corpora/ballads.txt").read_text("utf-8")
    return re.split(r"\n(?:[ \t]*\n){2,}", text)


BUILTIN_CORPORA: dict[str, Callable[[], list[str]]] = {"python-manual": _python_manual, "ballads": _ballads}
