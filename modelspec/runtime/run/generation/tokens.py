"""The tokens of texts, by the transform of one input or target of a run, as many as a text has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from modelspec.catalog.layers.kerashub_preparing import KerasHubTokenizer
from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.tokenizers import Tokenizer
from modelspec.compiler.pipeline import Compiled

from ...data import Table
from ...data.adapt import Pipeline, pipelines
from ...data.adapted_state import State
from ...data.columns import Binding, Bound, Key, binding_of
from ...data.errors import Findings
from ...data.scan import scan
from ...data.table import Array
from ...data.transforms import Runner
from ..row_sources import table_of_rows
from .vocabulary import Vocabulary, all_tokens, untruncated, vocabulary_of

_TRIED: Final = 64
"""The most tokens that are tried to find the marks around texts."""


@dataclass(frozen=True)
class TokenFeature:
    """An input or a target whose transform gives token numbers."""

    compiled: Compiled
    state: State
    key: Key
    bound: Bound
    layers: tuple[Layer, ...]
    """All layers of the transform, with what they learned."""
    place: int
    """The position of the layer that makes tokens."""
    vocabulary: Vocabulary

    @property
    def column(self) -> str:
        """The column with the texts."""
        return self.bound.names[0]

    @property
    def pads_before(self) -> bool:
        """Whether short texts are padded before their tokens, rather than after."""
        padded = getattr(self.layers[self.place], "padding", None)
        if padded is None and self.bound.pad is not None:
            padded = self.bound.pad.padding
        return padded == "pre"

    @cached_property
    def marks(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The tokens that the transform puts before each text, and those behind it: what surrounds
        a text of one known token. Of a mark as a text this would be wrong, because steps on text
        may change it: what surrounds one token counts only if it surrounds all of them.
        """
        known = list(self.vocabulary.numbers.items())[:_TRIED]
        rows = self._numbers(self._table([token for token, _ in known])) if known else []
        for (_, number), row in zip(known, rows, strict=True):
            if row.count(number) == 1:
                at = row.index(number)
                before, behind = tuple(row[:at]), tuple(row[at + 1 :])
                if all(_surround(before, behind, one) for one in rows):
                    return before, behind
        return (), ()

    def tokens_of(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of some texts alone, without marks."""
        first, last = (len(mark) for mark in self.marks)
        return [row[first : len(row) - last] for row in self._numbers(self._table(texts))]

    def of_table(self, table: Table) -> list[list[int]]:
        """The tokens of each row with the mark at the start, without the mark at the end and
        without padding. Raises `DataError`.
        """
        last = self.marks[1]
        rows = self._numbers(table)
        if not last:
            return rows
        return [row[: -len(last)] if tuple(row[-len(last) :]) == last else row for row in rows]

    def of_prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """The same for prompts; one without a text has the mark at the start alone."""
        written = [text for text in texts if text.strip()]
        found = iter(self.of_table(self._table(written)) if written else [])
        return [next(found) if text.strip() else list(self.marks[0]) for text in texts]

    def prepared(self, text: str) -> Array:
        """A text as in training: truncated or padded, after all layers."""

        def run(pipe: Pipeline, values: Array) -> Array:
            found: Array = Runner(pipe.layers, pipe.types)(values)
            return found

        first: Array = self._blocks(self._table([text]), run, whole=True)[0][0]
        return first

    def _table(self, texts: Sequence[str]) -> Table:
        return table_of_rows([{self.column: text} for text in texts], "the prompt")

    def _numbers(self, table: Table) -> list[list[int]]:
        """The tokens of each row, without padding."""
        return [self._plain(row) for rows in self._blocks(table, self._encoded) for row in rows]

    def _encoded(self, pipe: Pipeline, values: Array) -> Iterable[Iterable[int]]:
        """The tokens of each text, as many as it has."""
        before, layer = pipe.layers[: self.place], pipe.layers[self.place]
        if isinstance(layer, (Tokenizer, KerasHubTokenizer)):
            texts = Runner(before, pipe.types)(values) if before else values
            return all_tokens(layer, [str(text) for text in texts.flat])
        layers = (*before, untruncated(layer))
        found: Array = Runner(layers, pipe.types)(values)
        return found

    def _plain(self, row: Iterable[int]) -> list[int]:
        numbers = [int(number) for number in row]
        while numbers and self.vocabulary.tokens[numbers[-1]] is None:
            numbers.pop()
        while numbers and self.vocabulary.tokens[numbers[0]] is None:  # padded before
            numbers.pop(0)
        return numbers

    def _blocks(
        self, table: Table, run: Callable[[Pipeline, Array], Any], *, whole: bool = False
    ) -> list[Any]:
        """The result of `run` for each block of a table. `whole`: with the length of training."""
        findings = Findings()
        kind, name = self.key
        alone = {name: self.bound}
        binding = Binding(alone, {}) if kind == "inputs" else Binding({}, alone)
        scanned = scan(
            table,
            binding,
            self.compiled,
            findings,
            state=self.state,
            with_targets=kind == "targets",
            once=False,
        )
        findings.stop_if_wrong()
        assert scanned is not None
        pipe = pipelines(scanned, self._state_for(scanned.features[self.key], whole))[self.key]
        found = []
        for start, block in scanned.reader.blocks():
            size = len(next(iter(block.values())))
            values = pipe.read(block, start, np.arange(size))
            found.append(run(pipe, values))
        return found

    def _state_for(self, feature: object, whole: bool) -> State:
        """The state of the run; with the length of the longest list, where lists are padded."""
        one = self.state.features[self.key]
        lengths = getattr(feature, "lengths", [])
        if whole or one.length is None or not lengths:
            return self.state
        longest = max(one.length, int(np.concatenate(lengths).max(initial=1)))
        return replace(
            self.state, features={**self.state.features, self.key: replace(one, length=longest)}
        )


def _surround(before: tuple[int, ...], behind: tuple[int, ...], row: list[int]) -> bool:
    """Whether a row begins and ends with these tokens."""
    inner = len(row) - len(behind)
    begins = tuple(row[: len(before)]) == before
    return len(before) <= inner and begins and tuple(row[inner:]) == behind


def token_feature(compiled: Compiled, state: State | None, key: Key) -> TokenFeature | None:
    """An input or target whose transform makes tokens; None for any other."""
    bounds = binding_of(compiled).features
    if state is None or key not in bounds or key not in state.features:
        return None
    bound = bounds[key]
    layers = state.features[key].layers(bound)
    for place, layer in enumerate(layers):
        vocabulary = vocabulary_of(layer, bound.separator)
        if vocabulary is not None:
            return TokenFeature(compiled, state, key, bound, layers, place, vocabulary)
        if layer.keeps_values != "all":
            return None
    return None
