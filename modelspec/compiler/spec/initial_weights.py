"""Initial weights: `training.weights`, and `weights` of a library model; patterns of
layer names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from fnmatch import translate
from functools import lru_cache
from pathlib import PurePath
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, PlainValidator, ValidationInfo, model_validator

from modelspec.core.diagnostics import Span, listed
from modelspec.core.paths import ProjectPath
from modelspec.core.places import is_address
from modelspec.core.records import dataclass
from modelspec.core.settings import Context, Settings, Unfit, context_of, first_unfit, refuse

WILD = frozenset("*?[")
"""Characters that make a name a pattern."""
MOST_WILD = 100
"""The most patterns in a list: each is matched against every layer."""
ENDINGS = (".weights.h5", ".h5", ".hdf5", ".keras", ".safetensors")
IMAGENET = "imagenet"


@dataclass(frozen=True)
class WeightsSource:
    """The initial weights of a library model."""

    kind: str
    """The model, by its name in Keras: `ResNet50`."""
    settings: Mapping[str, Any]
    """Its settings: `alpha`, `include_top`, ..."""
    value: str
    """`imagenet`, or a path as written."""
    span: Span | None = None
    context: Context = field(default_factory=Context)
    """The folder that the path is relative to."""


def is_run(path: str) -> bool:
    """Whether a path of weights is a run folder rather than a file: it has no extension, and is not
    a single word, which may be a misspelt `imagenet`.
    """
    return "/" in path and not PurePath(path).suffix and not is_address(path)


def _weights_path(value: Any) -> Any:
    if not isinstance(value, str) or not value or is_run(value):
        return value
    if not value.lower().endswith(ENDINGS):
        raise Unfit(
            f"a file of weights ({listed(ENDINGS, 'or')})",
            code="MS534",
            help="Keras's `model.save_weights('NAME.weights.h5')` writes one",
        )
    return value


def _patterns(value: Any) -> tuple[str, ...]:
    if value is None:  # switches off what another file has set
        return ()
    items = (value,) if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)):
        raise Unfit("a list of layer names")
    if not all(map(_is_name, items)):
        raise Unfit("a list of layer names", path=first_unfit(value, _is_name))
    if sum(map(is_wild, items)) > MOST_WILD:
        raise Unfit(
            f"a list with at most {MOST_WILD} patterns",
            code="MS108",
            help="names without `*`, `?` and `[...]` are not patterns and do not count",
        )
    return tuple(items)


def _is_name(item: Any) -> bool:
    return isinstance(item, str) and item != ""


Patterns = Annotated[
    tuple[str, ...], PlainValidator(_patterns, json_schema_input_type=str | list[str] | None)
]
"""Names of layers, which may contain the wildcards `*`, `?` and `[...]`; `model/layer` is a layer
of a sub-model.
"""


WeightsPath = Annotated[ProjectPath, BeforeValidator(_weights_path)]


def _names(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(map(_is_name, value)):
        raise Unfit(
            "a mapping of weights to the names of tensors in the file",
            help="write e.g. `names: {embedding/embeddings: glove}`",
        )
    wrong = next((key for key, item in value.items() if not _is_name(item)), None)
    if wrong is not None:
        raise Unfit("a mapping of weights to the names of tensors in the file", path=(wrong,))
    return dict(value)


TensorNames = Annotated[
    dict[str, str], PlainValidator(_names, json_schema_input_type=dict[str, str])
]


class InitialWeights(Settings):
    """A file with the initial weights of a model.
    ```yaml
    weights: {path: pretrained.weights.h5, skip: [predictions]}
    ```
    """

    @classmethod
    def kind(cls) -> str:
        return "weights"

    path: WeightsPath
    """A `.weights.h5`, an older `.h5`, a `.keras` or a `.safetensors` file, or a run folder:
    `runs/base/1`, `./run`.
    """
    only: Patterns = ()
    """The layers that start from the file, found by their names; all others keep their random
    initial weights.
    """
    skip: Patterns = ()
    """Layers that keep their random initial weights, e.g. a head for other classes."""
    names: TensorNames = {}
    """For a file with other names: by weight (`embedding/embeddings`) the name of its tensor in the
    file. Only these weights are then loaded.
    """
    skip_mismatch: bool = False
    """Whether layers that do not match the file keep their random initial weights, instead of
    causing an error.
    """
    by_name: bool = False
    """Whether layers are matched by name instead of by order; layers that the file lacks keep their
    random initial weights.
    """

    @model_validator(mode="after")
    def _agree(self) -> Self:
        others = ("only", "skip", "skip_mismatch", "by_name")
        other = next((name for name in others if getattr(self, name)), None)
        if self.names and other is not None:
            refuse(
                f"`{other}` has no effect beside `names`, which lists every weight that is loaded",
                "MS208",
                other,
                help="leave one of them out",
            )
        return self


def read_weights(value: Any, info: ValidationInfo) -> InitialWeights | None:
    """A weights file, or its settings. Raises `Faults`."""
    if value is None or isinstance(value, InitialWeights):
        return value
    return InitialWeights.from_body(value, context_of(info))


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern matches the layer with this path. A pattern that matches a sub-model
    includes all of its layers (`matcher`).
    """
    return bool(matcher(pattern)(path))


@lru_cache(maxsize=2 * MOST_WILD)
def matcher(pattern: str) -> Callable[[str], object]:
    """A predicate on the path of a layer, compiled for many paths.

    `*` matches any text within one name: `encoder*` matches `encoder_2`, but not a layer inside
    it by itself.
    """
    parts = [re.compile(translate(part)).match for part in pattern.split("/")]

    def several(path: str) -> bool:
        names = path.split("/")
        return len(names) == len(parts) and all(
            part(name) is not None for part, name in zip(parts, names, strict=True)
        )

    # One regular expression call for each path: thousands of layers are matched.
    return several if len(parts) > 1 else re.compile(f"(?![^/]*/){translate(pattern)}").match


class PatternSet:
    """Patterns that name layers, for many paths: exact names are looked up."""

    def __init__(self, patterns: Iterable[str]) -> None:
        several = tuple(dict.fromkeys(patterns))
        self._plain = frozenset(one for one in several if not is_wild(one))
        self._wild = tuple(matcher(one) for one in several if is_wild(one))

    def match(self, path: str) -> bool:
        """Whether one of them matches the layer with this path."""
        return path in self._plain or any(wild(path) for wild in self._wild)


def is_wild(pattern: str) -> bool:
    """Whether a pattern contains wildcards."""
    return not WILD.isdisjoint(pattern)


def covers(patterns: tuple[str, ...], path: str) -> bool:
    """Whether a pattern matches the layer or a sub-model that contains it."""
    names = path.split("/")
    return any(
        matches(pattern, "/".join(names[:count]))
        for pattern in patterns
        for count in range(1, len(names) + 1)
    )
