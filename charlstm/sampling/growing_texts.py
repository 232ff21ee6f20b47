"""N texts that grow side by side: what is common to all ways of drawing their symbols.

Here are the seeds, the random numbers, the length, what ends a text, and what may be shown already; where the
symbols come from is up to the subclass.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from charlstm.config import SamplingConfig
from charlstm.data.vocabulary import Vocabulary
from charlstm.data.words import LINE_END, START
from charlstm.sampling.ending import Ending, Reason

# The ids drawn for each text, (N, K), and their log-probabilities in nats, None where nobody asked.
Drawn = tuple[NDArray[np.integer], NDArray[np.float64] | None]


@dataclass(frozen=True)
class Prompt:
    """What is a text's own among those that are written beside it.

    Attributes:
        seed_ids: the symbols to read first; without any, the text begins as a new document does.
        temperature: in place of the configuration's; None for that.
        number: which of the texts of a random seed it is: the same number, the same text.
    """

    seed_ids: tuple[int, ...] = ()
    temperature: float | None = None
    number: int = 0


def alike(texts: int, seed_ids: Sequence[int] = ()) -> list[Prompt]:
    """Return the prompts of so many texts that read the same first."""
    return [Prompt(tuple(seed_ids), number=number) for number in range(texts)]


class GrowingTexts(ABC):
    """N texts, written while iterating: each turn yields the N pieces of new text.

    A piece is empty while it may still become the stop text, and after its text has ended.

    Args:
        vocabulary: the symbols.
        prompts: seeds, temperatures and numbers of the N texts.
        config: how to draw.
        scored: whether the log-probabilities of the texts are kept account of.

    Attributes:
        stopped_by: why each text ended, None while it goes on.
        nats: the log-probability of each text, as the model sees it without filters; 0 unless `scored`.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        prompts: Sequence[Prompt],
        config: SamplingConfig,
        *,
        scored: bool = False,
    ) -> None:
        self._streams = len(prompts)
        self._seeds = [prompt.seed_ids or (first_symbol(vocabulary),) for prompt in prompts]
        self._temperatures = [
            config.temperature if prompt.temperature is None else prompt.temperature for prompt in prompts
        ]
        self._numbers = [prompt.number for prompt in prompts]
        self._config = config
        self._vocabulary = vocabulary
        self._seed_ids = [prompt.seed_ids for prompt in prompts]
        self._scored = scored
        self._written = [io.StringIO() for _ in prompts]
        self.stopped_by: list[Reason | None] = [None] * self._streams
        self.nats = np.zeros(self._streams)

    @property
    def texts(self) -> list[str]:
        """What was written so far, without the seeds."""
        return [written.getvalue() for written in self._written]

    def __iter__(self) -> Iterator[list[str]]:
        # One generator a text: it is the same, however many are written beside it.
        randoms = [np.random.default_rng([self._config.random_seed, number]) for number in self._numbers]
        config = self._config
        ends = config.stop or config.lines or config.words or config.until_document_end
        grow = self._until_they_end if ends else self._to_the_length
        for pieces in grow(self._symbols(randoms)):
            for written, piece in zip(self._written, pieces, strict=True):
                written.write(piece)
            yield pieces

    @abstractmethod
    def _symbols(self, randoms: list[np.random.Generator]) -> Iterator[Drawn]:
        """Read the seeds and yield the symbols drawn after them, `config.length` for each text in all.

        Args:
            randoms: a generator for each text; a symbol takes one number of it, in [0, 1), so that K does not
                change the texts.
        """

    def _to_the_length(self, drawn: Iterator[Drawn]) -> Iterator[list[str]]:
        vocabulary, shown = self._vocabulary, self._vocabulary.shown
        joints = [vocabulary.spell(seed, START)[1] for seed in self._seed_ids]
        for ids, nats in drawn:
            if nats is not None:
                self.nats += nats.sum(axis=1)
            if vocabulary.level == "char":
                yield ["".join([shown[symbol] for symbol in row]) for row in ids.tolist()]
            else:
                spelled = [vocabulary.spell(row, joint) for row, joint in zip(ids.tolist(), joints, strict=True)]
                joints = [joint for _, joint in spelled]
                yield [piece for piece, _ in spelled]
        self.stopped_by = ["length"] * self._streams

    def _until_they_end(self, drawn: Iterator[Drawn]) -> Iterator[list[str]]:
        endings = [Ending(self._config, self._vocabulary, seed) for seed in self._seed_ids]
        costs = [0.0] * self._streams
        for ids, nats in drawn:
            pieces = [""] * self._streams
            # Symbol by symbol for all texts, in lists: with one symbol a text, as NumPy draws them, that is quickest.
            for symbols, symbol_costs in zip(ids.T.tolist(), _columns(nats, ids.shape), strict=True):
                for text, ending in enumerate(endings):
                    if ending.reason is None:
                        piece, cost = ending.read(symbols[text], symbol_costs[text])
                        pieces[text] += piece
                        costs[text] += cost
            self.nats[:] = costs
            self.stopped_by = [ending.reason for ending in endings]
            yield pieces
            if all(self.stopped_by):
                return
        yield [self._close(text, ending) for text, ending in enumerate(endings)]

    def _close(self, text: int, ending: Ending) -> str:
        if ending.reason is not None:
            return ""
        piece, total = ending.close("length")
        self.nats[text] += total
        self.stopped_by[text] = ending.reason
        return piece


def first_symbol(vocabulary: Vocabulary) -> int:
    """Return the symbol to read where there is no seed: what is read before a text, or where that is none, any."""
    return vocabulary.ids.get(LINE_END, 0) if vocabulary.before_text is None else vocabulary.before_text


def _columns(nats: NDArray[np.float64] | None, shape: tuple[int, ...]) -> list[list[float]]:
    """Return log-probabilities (N, K) as K lists of N, zeros where there are none."""
    texts, symbols = shape
    if nats is None:
        return [[0.0] * texts] * symbols
    columns: list[list[float]] = nats.T.tolist()
    return columns
