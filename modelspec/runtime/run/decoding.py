"""`predict --decode`: the labels that a model with a CTC loss recognizes in each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import Lookup
from modelspec.catalog.layers.text_vectorization import TextVectorization
from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import listed

from ..data import RunError
from ..data.adapted_state import State, tokens
from ..data.table import Array
from ..data.target_inverse import has_inverse, inverse
from ..data.targets import loss_of
from .ctc import Path, decoded_rows
from .decisions import target_layers

if TYPE_CHECKING:
    from .prediction_options import Options
    from .prediction_rows import Predictions

METHODS: Final = ("ctc_greedy", "ctc_beam")
BEAM_WIDTH: Final = 100
"""As in `keras.ops.ctc_decode`."""


@dataclass(frozen=True)
class Decoder:
    """How the outputs with a CTC loss are decoded."""

    method: str
    width: int
    paths: int
    vocabularies: Mapping[str, Vocabulary]
    """By output."""

    def named(self, found: Predictions) -> Predictions:
        """The same predictions with labels in place of the scores of these outputs."""
        outputs: dict[str, Array] = {}
        for name, values in found.outputs.items():
            if name not in self.vocabularies:
                outputs[name] = values
                continue
            rows = decoded_rows(values, found.steps.get(name), self.method, self.width, self.paths)
            outputs |= self._columns(name, rows)
        left = {name: steps for name, steps in found.steps.items() if name in outputs}
        kept = {name: steps for name, steps in left.items() if name not in self.vocabularies}
        return replace(found, outputs=outputs, steps=kept)

    def _columns(self, name: str, rows: list[Sequence[Path]]) -> dict[str, Array]:
        """`text` and `text_score`; with several paths also those of each place."""
        columns = {name: self._texts(name, rows, 0), f"{name}_score": _scores(rows, 0)}
        for place in range(self.paths if self.paths > 1 else 0):
            columns[f"{name}_top{place + 1}"] = self._texts(name, rows, place)
            columns[f"{name}_top{place + 1}_score"] = _scores(rows, place)
        return columns

    def _texts(self, name: str, rows: list[Sequence[Path]], place: int) -> Array:
        found = np.empty(len(rows), object)
        for row, paths in enumerate(rows):
            classes = paths[place].classes if place < len(paths) else ()
            found[row] = self.vocabularies[name].text(classes)
        return found


def _scores(rows: list[Sequence[Path]], place: int) -> Array:
    """The logarithms of probabilities; minus infinity where a row has fewer paths."""
    return np.array(
        [paths[place].score if place < len(paths) else -np.inf for paths in rows], np.float64
    )


def decoder_of(compiled: Compiled, state: State | None, options: Options) -> Decoder | None:
    """The decoder that the options request."""
    if options.decode is None:
        return None
    layers = target_layers(compiled, state)
    found = {name: vocabulary(layers.get(name, ())) for name in _decodable(compiled)}
    width = BEAM_WIDTH if options.beam_width is None else options.beam_width
    return Decoder(options.decode, width, options.top_paths or 1, found)


def require_decodable(compiled: Compiled, options: Options) -> None:
    """Raises `RunError` (MS787) if a decoding is requested of a run without an output with a CTC
    loss.
    """
    if options.decode is not None and not _decodable(compiled):
        assert compiled.graph is not None
        raise RunError.of(
            "MS787",
            f"`decode: {options.decode}` requires an output that the loss `CTC` trains, but the"
            f" outputs of the run are {listed(list(compiled.graph.outputs))}, with other losses",
            help="omit `decode`",
        )


def _decodable(compiled: Compiled) -> list[str]:
    """The outputs whose loss takes label sequences that are not aligned with the steps."""
    assert compiled.graph is not None
    return [
        name
        for name in compiled.graph.outputs
        if getattr(loss_of(compiled.training, name), "targets", None) == "sequences"
    ]


def check_decoding(options: Options) -> None:
    """Raises `RunError` (MS788) for options of the decoding that do not fit together."""
    method, width, paths = options.decode, options.beam_width, options.top_paths
    if method is not None and method not in METHODS:
        raise _unfit(f"`decode` is {method!r}, but must be {listed(METHODS, 'or')}")
    for name, count in (("beam_width", width), ("top_paths", paths)):
        if count is None:
            continue
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise _unfit(f"`{name}` is {count!r}, but must be an integer, at least 1")
        if method != "ctc_beam":
            given = "without `decode`" if method is None else f"with `decode: {method}`"
            raise _unfit(
                f"`{name}` has no effect {given}: it is an option of a beam search",
                "use `ctc_beam`, or omit it",
            )
    if method is not None and options.layers:
        raise _unfit("`decode` applies to outputs, not to inner layers", "omit one of the two")
    beams = BEAM_WIDTH if width is None else width
    if paths is not None and paths > beams:
        raise _unfit(
            f"`top_paths` is {paths}, but only {beams} beams are searched",
            "use a larger `beam_width`",
        )


def _unfit(message: str, help: str | None = None) -> RunError:
    return RunError.of("MS788", message, help=help)


# Vocabularies -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vocabulary:
    """The labels of the classes of a target."""

    tokens: tuple[str, ...] = ()
    """By class; without them, and for classes after them, the number of the class."""
    after: tuple[Layer, ...] = ()
    """The layers that make classes of the numbers of tokens."""
    separator: str = " "

    def text(self, classes: tuple[int, ...]) -> str:
        """The labels of some classes, joined."""
        if not self.tokens:
            return " ".join(map(str, classes))
        numbers = np.asarray(classes, np.int64)
        if self.after and len(numbers):
            numbers = np.rint(inverse(self.after, numbers)).astype(np.int64)
        return self.separator.join(map(self._token, numbers.tolist()))

    def _token(self, number: int) -> str:
        return self.tokens[number] if 0 <= number < len(self.tokens) else str(number)


def vocabulary(layers: tuple[Layer, ...]) -> Vocabulary:
    """The labels of a target with this transform; empty if it has no lookup of tokens."""
    for index, one in enumerate(layers):
        layer = one.lookup if isinstance(one, TextVectorization) else one
        if not isinstance(layer, Lookup) or layer.invert or layer.mode != "int":
            continue
        after = layers[index + 1 :]
        if after and not has_inverse(after):
            return Vocabulary()
        known = tuple("" if one is None else str(one) for one in tokens(layer))
        real = known[layer.special :]
        joined = bool(real) and all(len(one) == 1 for one in real)
        return Vocabulary(known, after, "" if joined else " ")
    return Vocabulary()
