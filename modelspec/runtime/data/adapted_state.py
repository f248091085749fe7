"""What data preparation learned from the training split: a file of the run that `evaluate` and
`predict` apply.
"""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from modelspec.catalog.layers.layer import Layer
from modelspec.catalog.layers.lookup import IntegerLookup, Lookup, StringLookup
from modelspec.core.run_names import PREPROCESSING
from modelspec.core.source.own_files import read_own

from .columns import Bound
from .errors import RunError
from .state_arrays import Arrays, arrays_of, from_files, is_arrays, to_files

FOLDER = PREPROCESSING
FILE = "state.json"
_VERSION = 1
_MALFORMED = (
    *(ValueError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, RecursionError, MemoryError, SyntaxError, EOFError),
)
"""What the conversion of other contents raises."""
_MOST = 2**30
"""Maximum size of a state in bytes: vocabularies may be large."""


@dataclass(frozen=True)
class FeatureState:
    """What was learned from the training split for one input or target."""

    text: bool | None
    """Whether its columns are text; None: depends on each source."""
    fill: Mapping[str, Any] = field(default_factory=dict)
    """By column: the replacement of a missing value."""
    length: int | None = None
    """The length of padded sequences."""
    learned: tuple[Mapping[str, Any] | None, ...] = ()
    """For each layer of the transform: the settings learned from the data."""
    wide: bool = False
    """Whether its columns are images of 16 bits per channel."""

    def layers(self, bound: Bound) -> tuple[Layer, ...]:
        """The layers of the transform with their learned settings."""
        if bound.chain is None:
            return ()
        pairs = zip(bound.chain.layers, self.learned, strict=True)
        return tuple(
            layer.model_copy(update=dict(known)) if known else layer for layer, known in pairs
        )


@dataclass(frozen=True)
class State:
    """The state of each feature, by kind and name: `("inputs", "measures")`."""

    features: Mapping[tuple[str, str], FeatureState]

    def digest(self) -> str:
        """SHA-256 of everything that was learned."""
        return sha256(_text(_plain(self)).encode()).hexdigest()

    @property
    def empty(self) -> bool:
        """Whether nothing has to be saved: nothing was learned, and the spec sets the types of
        the columns.
        """
        return not any(
            one.fill or one.length or one.learned or one.wide for one in self.features.values()
        )

    def plain(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return _plain(self)

    @classmethod
    def kept_by_none(cls, bounds: Mapping[tuple[str, str], Bound]) -> State:
        """The state of a run by a version that saved no file where nothing was learned."""
        fresh: defaultdict[tuple[str, str], FeatureState] = defaultdict(lambda: FeatureState(None))
        for key, bound in bounds.items():
            layers = bound.chain.layers if bound.chain is not None else ()
            fresh[key] = FeatureState(None, learned=(None,) * len(layers))
        return cls(fresh)

    @classmethod
    def of(cls, plain: Any) -> State:
        """The state from the result of `plain`."""
        return cls(_features(plain))

    def save(self, folder: Path) -> None:
        """Writes it to a run folder, completely or not at all. Raises `OSError`."""
        target = folder / FOLDER
        target.mkdir(exist_ok=True)
        features = to_files(_plain(self), target)
        content = _text(features)
        text = _text(
            {
                "version": _VERSION,
                "sha256": sha256(content.encode()).hexdigest(),
                "features": features,
            }
        )
        beside = target / f".{os.getpid()}-{FILE}"
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target / FILE)

    @classmethod
    def load(cls, folder: Path) -> State:
        """The state in a run folder. Raises `RunError` (MS631) where it is missing or damaged."""
        path = folder / FOLDER / FILE
        help = "train again, or get the file from a copy of the run"
        try:
            read = json.loads(read_own(folder, f"{FOLDER}/{FILE}", _MOST))
            features = read["features"]
            if (
                read["version"] != _VERSION
                or read["sha256"] != sha256(_text(features).encode()).hexdigest()
            ):
                raise RunError.of(
                    "MS631",
                    f"`{path}` differs from what this run learned from its data: the file was "
                    "changed or damaged",
                    help=help,
                )
            return cls(_features(from_files(features, path.parent, _MOST)))
        except RunError:
            raise
        except OSError as error:
            raise RunError.of(
                "MS631",
                f"cannot read what this run learned from its data: `{path}`: {error.strerror}",
                help=help,
            ) from None
        except _MALFORMED as error:
            reason = str(error) or type(error).__name__
            raise RunError.of("MS631", f"`{path}` is damaged: {reason}", help=help) from None


def _plain(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for (key, name), one in state.features.items():
        found.setdefault(key, {})[name] = {
            "text": one.text,
            "fill": dict(one.fill),
            "length": one.length,
            "learned": [None if known is None else _plain_layer(known) for known in one.learned],
            # Left out where false, as in the states of earlier versions.
            **({"wide": True} if one.wide else {}),
        }
    return found


def _plain_layer(known: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.plain() if isinstance(value, Arrays) else value for name, value in known.items()
    }


def _features(read: Any) -> dict[tuple[str, str], FeatureState]:
    return {
        (str(key), str(name)): FeatureState(
            None if one["text"] is None else bool(one["text"]),
            dict(one["fill"]),
            None if one["length"] is None else int(one["length"]),
            tuple(
                None if known is None else {name: _tuples(value) for name, value in known.items()}
                for known in one["learned"]
            ),
            bool(one.get("wide", False)),
        )
        for key, by_name in read.items()
        for name, one in by_name.items()
    }


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        if is_arrays(value):
            return arrays_of(value)
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


# Labels of predictions ----------------------------------------------------------------------------


def labels(layers: tuple[Layer, ...]) -> tuple[Any, ...] | None:
    """The label of each class where a lookup encodes the target, else None."""
    kept = [layer for layer in layers if layer.keeps_values != "all"]
    if len(kept) != 1 or not isinstance(kept[0], (StringLookup, IntegerLookup)) or kept[0].invert:
        return None
    return tokens(kept[0]) if kept[0].mode in ("int", "one_hot") else None


def tokens(layer: Lookup) -> tuple[Any, ...]:
    """Every token of a lookup by its index, the mask and unknown tokens first."""
    masked = (layer.mask_token,) if layer.special > layer.num_oov_indices else ()
    return (*masked, *(layer.oov_token,) * layer.num_oov_indices, *(layer.tokens or ()))


def is_finite(value: Any) -> bool:
    """Whether a number, or every number of a list, is finite."""
    return (
        all(is_finite(item) for item in value)
        if isinstance(value, (list, tuple))
        else math.isfinite(value)
    )
