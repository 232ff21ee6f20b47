"""A text that a person and a model write together: read on, suggest, take over, take back."""

from __future__ import annotations

import dataclasses
import itertools
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from charlstm.config import SamplingConfig
from charlstm.sampling.filters import Logits, Weights
from charlstm.sampling.generate import draw
from charlstm.sampling.growing_texts import first_symbol
from charlstm.sampling.mixture import Mixture
from charlstm.sampling.seed_text import SeedText, read_seed
from charlstm.sampling.shaping import shaping_of

Unit = Literal["character", "word", "line"]

# How far back symbols can be taken back; the state before each is kept, some kilobytes.
LONGEST_MEMORY = 2000

# Symbols of a suggestion, at most: as many as can be drawn between two keys.
SUGGESTED = 80


@dataclass(frozen=True)
class Moment:
    """What was before a symbol was read."""

    state: list[Any]
    logits: Logits


class Draft:
    """The text so far, the model's view of what comes next, and its suggestion.

    Args:
        mixture: the model.
        config: how suggestions are drawn.

    Attributes:
        config: how suggestions are drawn; can be replaced.
    """

    def __init__(self, mixture: Mixture, config: SamplingConfig) -> None:
        self.config = config
        self._vocabulary = mixture.vocabulary
        self._network = mixture.network(1)
        self._random = np.random.default_rng([config.random_seed, 0])
        self._ids = [first_symbol(mixture.vocabulary)]
        self._logits = self._network.step(self._ids)
        self._past: deque[Moment] = deque(maxlen=LONGEST_MEMORY)
        self._actions: list[int] = []
        self._suggested: list[int] = []

    @property
    def text(self) -> str:
        """What was written so far."""
        return self._vocabulary.decode(self._ids[1:])

    @property
    def suggestion(self) -> str:
        """What may be accepted; drawn by `suggest`."""
        return self._vocabulary.decode(self._suggested)

    def type(self, text: str, is_stopped: Callable[[], bool] = lambda: False) -> SeedText:
        """Go on by text of the person's, and return it as the model reads it.

        Args:
            text: what is typed. A mark at its beginning that the model does not know, such as a diaeresis, is set on
                the last symbol where it knows the two as one.
            is_stopped: asked before each symbol; where it says so, the rest is left out.
        """
        if (composed := self._composed(text[:1])) and self.take_back():
            text = composed + text[1:]
        read = read_seed(text, self._vocabulary)
        if read.ids:
            self._act(itertools.takewhile(lambda _: not is_stopped(), read.ids))
        return read

    def suggest(self) -> None:
        """Draw a suggestion to the end of the line, unless one stands already."""
        if self._suggested:
            return
        here = Moment(self._network.state(), self._logits)
        size = len(self._ids)
        while len(self._suggested) < SUGGESTED and not (self._suggested and self.suggestion.endswith("\n")):
            symbol = int(draw(self._weights(), self._random.random(1))[0])
            self._suggested.append(symbol)
            self._ids.append(symbol)
            self._logits = self._network.step([symbol])
        del self._ids[size:]
        self._return_to(here)

    def forget_suggestion(self) -> None:
        """Let `suggest` draw another."""
        self._suggested = []

    def accept(self, unit: Unit) -> None:
        """Take over the beginning of the suggestion: a character, the rest of a word with what is before it, or all."""
        self.suggest()
        size = {"character": 1, "word": self._word(), "line": len(self._suggested)}[unit]
        left = self._suggested[size:]
        self._act(self._suggested[:size])
        self._suggested = left

    def take_back(self) -> bool:
        """Take back the last symbol; False if there is none, or it is too long ago."""
        if not self._past:
            return False
        del self._ids[-1]
        self._return_to(self._past.pop())
        self._suggested = []
        while self._actions and self._actions[-1] >= len(self._ids):
            self._actions.pop()
        return True

    def undo(self) -> bool:
        """Take back what was typed or accepted last; False if there is nothing, or it is too long ago."""
        goal = self._actions[-1] if self._actions else len(self._ids)
        if len(self._ids) == goal or len(self._ids) - goal > len(self._past):
            return False
        while len(self._ids) > goal:
            self.take_back()
        return True

    def set_temperature(self, temperature: float) -> None:
        """Draw at another temperature from now on, the suggestion too."""
        self.config = dataclasses.replace(self.config, temperature=temperature)
        self._suggested = []

    def likeliest(self, count: int) -> list[tuple[str, float]]:
        """Return the symbols that are drawn likeliest next, as text, with their probabilities, the likeliest first."""
        weights = self._weights()[0]
        probabilities = weights / weights.sum()
        order = np.argsort(-probabilities, kind="stable")[:count].tolist()
        return [(self._vocabulary.shown[symbol], float(probabilities[symbol])) for symbol in order]

    def _composed(self, mark: str) -> str | None:
        """Return the symbol that the last one and a mark that is none itself make as one; None if there is none."""
        known = self._vocabulary.word_ids
        if not mark or mark in known or len(self._ids) < 2:
            return None
        composed = unicodedata.normalize("NFC", self._vocabulary.shown[self._ids[-1]] + mark)
        return composed if composed in known else None

    def _act(self, ids: Iterable[int]) -> None:
        self._actions.append(len(self._ids))
        for symbol in ids:
            self._past.append(Moment(self._network.state(), self._logits))
            self._ids.append(symbol)
            self._logits = self._network.step([symbol])
        self._suggested = []

    def _return_to(self, moment: Moment) -> None:
        self._network.restore(moment.state)
        self._logits = moment.logits

    def _weights(self) -> Weights:
        """Return what the next symbol is drawn by, (1, V)."""
        recent = self._ids[-self.config.repetition_window - 1 :]
        return shaping_of(self.config, self._vocabulary, [recent])(self._logits, np.array(recent[-1:]))

    def _word(self) -> int:
        """Return how many symbols of the suggestion end with its first word."""
        in_word = False
        for place, symbol in enumerate(self._suggested):
            is_space = self._vocabulary.shown[symbol].isspace()
            if in_word and is_space:
                return place
            in_word = in_word or not is_space
        return len(self._suggested)
