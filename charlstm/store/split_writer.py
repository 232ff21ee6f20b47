"""Encoded blocks to the files of the splits: which symbol goes where, and where documents start."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from charlstm.data.corpus import EncodedBlock
from charlstm.data.vocabulary import Vocabulary
from charlstm.store.array_file import ArrayWriter
from charlstm.store.dataset_document import SPLITS, documents_name, ids_name


class SplitWriter(contextlib.ExitStack):
    """Writes the ids and the document offsets of every split.

    Args:
        directory: where the files are made.
        vocabulary: what the ids stand for.
        split_of: the number of the split of each document (D,); None to split by position.
        ends: where each split ends in the whole text; None to split by document.
    """

    def __init__(
        self,
        directory: Path,
        vocabulary: Vocabulary,
        split_of: NDArray[np.uint8] | None,
        ends: tuple[int, ...] | None,
    ) -> None:
        super().__init__()
        self.documents = 0
        self._end_of_document = vocabulary.end_of_document
        # The segment after the last document is empty, and belongs to no split.
        self._split_of = None if split_of is None else np.append(split_of, np.uint8(0))
        self._ends = ends
        self._position = 0
        self._has_ends = True
        self._characters = [0] * len(SPLITS)
        offset = np.dtype(np.int64)
        self._ids = [self.enter_context(ArrayWriter(directory / ids_name(s), vocabulary.dtype)) for s in SPLITS]
        self._starts = [self.enter_context(ArrayWriter(directory / documents_name(s), offset)) for s in SPLITS]

    def add(self, block: EncodedBlock) -> None:
        """Write a block; blocks come in the order of the text."""
        lengths = np.diff(block.ends, prepend=0)
        self._has_ends = len(block.ends) > 1
        starts_document = lengths > 0
        starts_document[0] &= not block.continues
        self.documents += int(np.count_nonzero(starts_document))
        if self._split_of is not None:
            split_of = self._split_of[block.document : block.document + len(lengths)]
            self._add_by_document(block, lengths, starts_document, split_of)
        else:
            self._add_by_position(block, (block.ends - lengths)[starts_document])

    def sizes(self) -> dict[str, dict[str, int]]:
        """Return how many ids, documents and characters were written to each split."""
        return {
            split: {"ids": ids.length, "documents": starts.length, "characters": characters}
            for split, ids, starts, characters in zip(SPLITS, self._ids, self._starts, self._characters, strict=True)
        }

    def _add_by_document(
        self,
        block: EncodedBlock,
        lengths: NDArray[np.int64],
        starts_document: NDArray[np.bool_],
        split_of: NDArray[np.uint8],
    ) -> None:
        present = set(np.unique(split_of[lengths > 0]).tolist())
        split_of_ids = np.repeat(split_of, lengths) if len(present) > 1 else None
        for number in present:
            mine = np.where(split_of == number, lengths, 0)
            starts = (np.cumsum(mine) - mine)[starts_document & (mine > 0)]
            self._write(number, block, slice(None) if split_of_ids is None else split_of_ids == number, starts)

    def _add_by_position(self, block: EncodedBlock, starts: NDArray[np.int64]) -> None:
        assert self._ends is not None
        ids = block.ids
        begin = 0
        for number, end_of_split in enumerate(self._ends):
            end = min(len(ids), end_of_split - self._position)
            if end > begin:
                inside = starts[(starts >= begin) & (starts < end)] - begin
                if self._ids[number].length == 0 and (len(inside) == 0 or inside[0] != 0):
                    inside = np.insert(inside, 0, 0)  # the rest of a document that was cut
                self._write(number, block, slice(begin, end), inside)
                begin = end
        self._position += len(ids)

    def _write(
        self, number: int, block: EncodedBlock, mine: slice | NDArray[np.bool_], starts: NDArray[np.int64]
    ) -> None:
        ids = block.ids[mine]
        self._starts[number].append(starts + self._ids[number].length)
        self._ids[number].append(ids)
        if block.sizes is not None:
            self._characters[number] += int(block.sizes[mine].sum())
        else:
            ends = int(np.count_nonzero(ids == self._end_of_document)) if self._has_ends else 0
            self._characters[number] += len(ids) - ends
