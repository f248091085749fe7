"""The program that wrote a model's description: the version of Keras, or TensorFlow.js."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_KERAS_3 = ("batch_shape", "keras_history")
"""Keys that only Keras 3 writes."""
_KERAS_1 = frozenset(
    {"border_mode", "dim_ordering", "inner_init", "nb_filter", "output_dim", "W_regularizer"}
)
"""Settings that only Keras 1 writes; `output_dim` is also a setting of every `Embedding`."""
_EMBEDDING = "Embedding"
_LONGEST = 40
_VERSION = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_LIKE_KERAS = (2, 2, 0)
"""The version of Keras whose defaults TensorFlow.js has."""


@dataclass(frozen=True)
class Writer:
    """The program that wrote a description."""

    version: tuple[int, ...]
    """Of Keras: `(2, 2, 4)`, or only `(1,)`, `(2,)` or `(3,)` if the file does not contain it."""
    is_tensorflow: bool = False
    """Whether it was `tf.keras`, whose versions 2.1 to 2.2.4 have other defaults than Keras's."""
    is_script: bool = False
    """Whether it was TensorFlow.js."""

    @property
    def is_current(self) -> bool:
        """Whether it was Keras 3."""
        return self.version >= (3,)

    def is_between(self, first: tuple[int, ...], end: tuple[int, ...]) -> bool:
        """Whether the version is at least `first` and below `end`. A version of which only the
        first number is known is in a range that begins with that number.
        """
        return first[: len(self.version)] <= self.version < end


def writer_of(value: Any) -> Writer:
    """The writer of a model's description; without a version, from settings that only one
    generation of Keras writes. Without those it is Keras 3.
    """
    version = stated(value, "keras_version")
    if version.startswith("tfjs"):
        return Writer(_LIKE_KERAS, is_script=True)
    found = _VERSION.match(version)
    if found is None:
        return Writer((_generation(value),))
    numbers = tuple(int(part) for part in found.groups() if part is not None)
    return Writer(numbers, is_tensorflow=version.endswith("-tf") or numbers >= (2, 4))


def stated(value: Any, key: str) -> str:
    """A text about the writer in a description: `keras_version`, `backend`. Empty without one."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, str) and len(found) < _LONGEST else ""


def _generation(value: Any) -> int:
    """1, 2 or 3, from the form of the description."""
    keys: set[str] = set()
    is_old = False
    for one in _mappings(value):
        kind = one.get("class_name")
        config = one.get("config")
        settings = set(config) if isinstance(config, Mapping) else set()
        is_old = is_old or (kind != _EMBEDDING and not settings.isdisjoint(_KERAS_1))
        keys.update(map(str, one))
        if isinstance(kind, str) and "module" not in one and isinstance(config, (Mapping, list)):
            keys.add("no module")
    if any(key in keys for key in _KERAS_3):
        return 3
    if is_old:
        return 1
    return 2 if not keys.isdisjoint(("batch_input_shape", "no module")) else 3


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a value, without recursion: descriptions may be deep."""
    queue: list[Any] = [value]
    while queue:
        one = queue.pop()
        if isinstance(one, Mapping):
            yield one
            queue.extend(one.values())
        elif isinstance(one, (list, tuple)):
            queue.extend(one)
