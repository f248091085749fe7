"""What a plugin module declares: classes, and import paths of Keras classes.

Each base class of plugins (`modelspec.Layer`, `modelspec.Loss`, ...) derives from `Declared`, and
from `KerasDeclared` if Keras has a class for its settings.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from ..records import dataclass

if TYPE_CHECKING:
    from ..registry import Registry

PATH: Final = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")
"""The import path of a class: `package.module:Class`."""


class Declared:
    """The part of a base class of plugins that loading a plugin requires."""

    @classmethod
    def registry(cls) -> Registry:
        """The family that the class adds a member to."""
        raise NotImplementedError

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether the class is incomplete: if others derive from it, it is only their base class,
        and no member of the family.
        """
        return True

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration, each as the end of a sentence that begins with the
        name of the class.
        """
        yield from ()


class KerasDeclared(Declared):
    """The declaration of a Keras class."""

    keras: ClassVar[str] = ""
    """The import path of the Keras class, e.g. `ourlab.keras_layers:ScaledAdd`. It is imported when
    the model is built.
    """
    passes_defaults: ClassVar[bool] = True
    """Whether settings that were not written are passed to Keras too."""

    @classmethod
    def keras_base(cls) -> str:
        """The base class in Keras, e.g. `losses.Loss`; empty for any callable."""
        raise NotImplementedError

    @classmethod
    def in_model(cls) -> bool:
        """Whether its objects are part of a saved model that is not compiled."""
        return True

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether it names no Keras class."""
        return not cls.keras

    @classmethod
    def problems(cls) -> Iterator[str]:
        """As above."""
        if not cls.keras:
            yield (
                "has no `keras`, the import path of its Keras class:"
                f' write `keras: ClassVar[str] = "package.module:{cls.__name__}"`'
            )
        elif not isinstance(cls.keras, str) or not PATH.fullmatch(cls.keras):
            yield f'has `keras` {cls.keras!r}, expected a string "package.module:Class"'


@dataclass(frozen=True)
class Bare:
    """A Keras class that a module registers by its import path; `make` creates the class of its
    settings, given the hash of the code of the plugin.
    """

    noun: str
    path: str
    make: Callable[[str, str], type[KerasDeclared]]

    @property
    def kind(self) -> str:
        """Its name in a spec."""
        return self.path.rpartition(":")[2]


_registered: dict[str, dict[str, Bare]] = {}
"""The registrations of each module, by the import path."""


def register(noun: str, path: str, make: Callable[[str, str], type[KerasDeclared]]) -> None:
    """Registers a Keras class for the module whose function calls the caller. Raises
    `ValueError` for a string that is not an import path.
    """
    if not isinstance(path, str) or not PATH.fullmatch(path):
        raise ValueError(f"`{path}` is not an import path: expected `package.module:Class`")
    module = sys._getframe(2).f_globals.get("__name__", "")
    _registered.setdefault(module, {})[path] = Bare(noun, path, make)


def registered_by(module: str) -> tuple[Bare, ...]:
    """The classes that a module has registered."""
    return tuple(_registered.get(module, {}).values())
