"""What is to be drawn: the trainings of models, or a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.errors import DataError, ModelError
from charlstm.plotting import learning_curves
from charlstm.plotting.names import distinct_names
from charlstm.store.checkpoints import newest_history
from charlstm.store.history import Evaluation, read_history
from charlstm.store.model_directory import CONFIG, HISTORY, read_config
from charlstm.store.run_file import RUN

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Subject:
    """What figures show.

    Attributes:
        figures: name of a figure -> what draws it.
        text: draws a small version in Unicode characters, of a width in columns.
    """

    figures: Mapping[str, Callable[[], Figure]]
    text: Callable[[int], str]


def read_subject(paths: Sequence[Path]) -> Subject:
    """Read what directories hold that can be drawn.

    Args:
        paths: model directories or runs that are not finished yet, at least one.

    Raises:
        DataError: a dataset directory.
        ModelError: a path is none of these, cannot be read, or has no loss to draw yet.
    """
    paths = list(dict.fromkeys(paths))
    histories = dict(zip(distinct_names(paths), map(_history_of, paths), strict=True))
    return Subject(
        figures={"learning-curves": lambda: learning_curves.figure_of(histories)},
        text=lambda width: learning_curves.text_of(histories, width),
    )


def _history_of(path: Path) -> list[Evaluation]:
    """Return the evaluations of a finished model, or of a run so far."""
    is_unfinished = not (path / CONFIG).exists() and (path / RUN).exists()
    if not is_unfinished and (path / "dataset.json").exists():
        raise DataError(f"{path} is a dataset, of which there is nothing to draw: give the model trained on it")
    if is_unfinished:
        history = newest_history(path)
    else:
        read_config(path)
        history = read_history(path / HISTORY)
    if not learning_curves.has_losses(history):
        raise ModelError(f"{path} has no evaluation yet, so there is nothing to draw")
    return history
