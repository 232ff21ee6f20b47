"""Where the text of `sample --interactive` is saved."""

from __future__ import annotations

from pathlib import Path


class TextFile:
    """A file for one text, written again each time that it is saved.

    Args:
        path: of the file; None for the first free text-<n>.txt, found when it is saved for the first time.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def save(self, text: str) -> Path:
        """Write a text, making the folder where it is missing, and return the path of the file.

        Raises:
            OSError: the folder cannot be made, or not be written to.
        """
        from charlstm.store.atomic import write_bytes

        if self._path is None:
            self._path = _free_name()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(self._path, f"{text}\n".encode("utf-8", "surrogateescape"))
        except OSError as problem:
            problem.filename = str(self._path)  # the name that a person knows
            raise
        return self._path


def _free_name() -> Path:
    number = 1
    while (path := Path(f"text-{number}.txt")).exists():
        number += 1
    return path
