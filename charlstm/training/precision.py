"""Which number format the large matrix products use."""

from __future__ import annotations

from charlstm.config import Precision


def choose_precision(wanted: str | None) -> Precision:
    """Return the precision for what was asked."""
    return "bfloat16" if wanted == "bfloat16" else "float32"
