"""Generates text, token by token, by a run that predicts the next token."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...data.table import Array
from .beams import search
from .draws import Draws
from .next_token import NextToken, stops_of
from .options import Generated
from .sampling import log_probabilities

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Answer:
    """A generated text."""

    text: str
    tokens: tuple[int, ...]
    """The class numbers, without a stop mark."""
    score: float | None = None
    """With a beam search: the logarithm of the probability, by the length."""


@dataclass(frozen=True)
class Prompts:
    """What texts begin with."""

    tokens: Sequence[Sequence[int]]
    """Of each row."""
    context: Mapping[str, Array] = field(default_factory=dict)
    """The values of the other inputs, by name; the first axis counts the rows."""


class Writer:
    """Generates texts with one model."""

    def __init__(self, model: keras.Model, found: NextToken, options: Generated, seed: int) -> None:
        self.found, self.options, self.seed = found, options, seed
        self.stops = stops_of(found, options.stops)
        self._scores = Scores(model, found)
        self._numbers = found.vocabulary.translated(found.decoder.vocabulary)

    def answers(self, prompts: Prompts, size: int) -> Iterator[Answer]:
        """The text of each row, in order; at most `size` are computed at once."""
        found: dict[int, Answer] = {}
        next_ = 0
        for rows in self._groups(prompts, size):
            found.update(zip(rows, self._group(prompts, rows), strict=True))
            while next_ in found:
                yield found.pop(next_)
                next_ += 1

    def _groups(self, prompts: Prompts, size: int) -> Iterator[list[int]]:
        """Rows that are computed together: if the model takes any number of tokens, those with
        equally many, so that none of them is padded.
        """
        every = list(range(len(prompts.tokens)))
        by_length: dict[int, list[int]] = {}
        for row in every:
            length = len(prompts.tokens[row]) if self.found.size is None else 0
            by_length.setdefault(length, []).append(row)
        for rows in by_length.values():
            for start in range(0, len(rows), size):
                yield rows[start : start + size]

    def _group(self, prompts: Prompts, rows: list[int]) -> list[Answer]:
        context = {name: values[rows] for name, values in prompts.context.items()}
        tokens = [list(prompts.tokens[row]) for row in rows]
        if self.options.beams is None:
            return self._sampled(tokens, context, rows)
        return [
            self._searched(tokens[at], {name: one[at : at + 1] for name, one in context.items()})
            for at in range(len(rows))
        ]

    # Sampling -------------------------------------------------------------------------------------

    def _sampled(
        self, tokens: list[list[int]], context: Mapping[str, Array], rows: list[int]
    ) -> list[Answer]:
        draws, sampling = Draws(self.seed, [(row, 0) for row in rows]), self.options.sampling
        made: list[list[int]] = [[] for _ in rows]
        open_ = [True] * len(rows)
        for _ in range(self.options.count):
            scores = self._scores(tokens, context)
            chosen = sampling.choose(scores, draws.uniform())
            for at, token in enumerate(chosen.tolist()):
                tokens[at].append(int(self._numbers[token]))
                if open_[at]:
                    made[at].append(token)
                    open_[at] = not self._stop_in(made[at])
            if not any(open_):
                break
        return [self._answer(one) for one in made]

    def _stop_in(self, made: Sequence[int]) -> tuple[int, ...]:
        """The stop mark that some tokens end with; empty if there is none."""
        return next((stop for stop in self.stops if tuple(made[-len(stop) :]) == stop), ())

    def _answer(self, made: Sequence[int], score: float | None = None) -> Answer:
        stop = self._stop_in(made)
        kept = tuple(made[: len(made) - len(stop)])
        return Answer(self.found.vocabulary.text(kept), kept, score)

    # Beam search ----------------------------------------------------------------------------------

    def _searched(self, tokens: list[int], context: Mapping[str, Array]) -> Answer:
        assert self.options.beams is not None

        def scores(made: list[list[int]]) -> Array:
            longer = [[*tokens, *(int(self._numbers[one]) for one in each)] for each in made]
            repeated = {name: np.repeat(one, len(made), axis=0) for name, one in context.items()}
            return self._scores(longer, repeated)

        best = search(
            scores,
            lambda made: bool(self._stop_in(made)),
            beams=self.options.beams,
            length=self.options.count,
            penalty=self.options.penalty,
        )[0]
        return self._answer(best.tokens, best.score(self.options.penalty))


class Scores:
    """The logarithms of the probabilities of the next token, by one model."""

    def __init__(self, model: keras.Model, found: NextToken) -> None:
        from ...backend.traced import traced

        self._model, self.found = model, found
        self._run = traced(self._computed, reduce_retracing=True)
        self._allowed = found.vocabulary.allowed(found.classes)

    def __call__(self, tokens: Sequence[Sequence[int]], context: Mapping[str, Array]) -> Array:
        """Of each row, [rows, classes]; minus infinity for classes without a text."""

        most = self.found.most
        kept = [
            list(one) if most is None else list(one[max(0, len(one) - most) :]) for one in tokens
        ]
        free = 0 if self.found.ahead else 1
        size = self.found.size or max(map(len, kept)) + free
        values = np.full((len(kept), size), self._padding, np.int64)
        places = np.empty(len(kept), np.int64)
        for row, numbers in enumerate(kept):
            first = size - len(numbers) - free if self.found.decoder.pads_before else 0
            values[row, first : first + len(numbers)] = numbers
            places[row] = first + self.found.place(len(numbers))
        made = self._of_batch({self._name: values, **context}, places).astype(np.float64)
        return log_probabilities(self.found.decision.shares(made), self._allowed)

    @property
    def _name(self) -> str:
        return self.found.decoder.key[1]

    @cached_property
    def _padding(self) -> int:
        tokens = self.found.decoder.vocabulary.tokens
        return next((at for at, token in enumerate(tokens) if token is None), 0)

    def _of_batch(self, values: Mapping[str, Array], places: Array) -> Array:
        """The output at the places. If the model takes a fixed number of rows, it is called with
        so many at once, and the last call is filled up.
        """
        import tensorflow as tf

        graph = self.found.decoder.compiled.graph
        assert graph is not None
        count = len(places)
        fixed = next((one.batch_size for one in graph.graph.inputs or () if one.batch_size), count)
        parts = []
        for start in range(0, count, fixed):
            rows = np.minimum(np.arange(start, start + fixed), count - 1)
            inputs = {name: tf.constant(one[rows]) for name, one in values.items()}
            parts.append(np.asarray(self._run(inputs, tf.constant(places[rows]))))
        return np.concatenate(parts)[:count]

    def _computed(self, inputs: Mapping[str, Any], places: Any) -> Any:
        import tensorflow as tf

        graph = self.found.decoder.compiled.graph
        assert graph is not None
        cast = {name: tf.cast(one, graph.inputs[name].dtype) for name, one in inputs.items()}
        given = cast if len(graph.inputs) > 1 else next(iter(cast.values()))
        made = self._model(given, training=False)
        output = made[self.found.output] if isinstance(made, Mapping) else made
        return tf.gather(output, places, batch_dims=1) if self.found.every_step else output
