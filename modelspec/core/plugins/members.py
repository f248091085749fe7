"""What a plugin module adds: the classes that it declares, and those that it registers."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, cast

from ..diagnostics import Fault
from .declared import PATH, Declared, KerasDeclared, registered_by

if TYPE_CHECKING:
    from ..settings import Settings


class Members:
    """The classes of one module by noun and name, and the faults of the others."""

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.by_noun: dict[str, dict[str, type[Settings]]] = {}
        self.faults: list[Fault] = []
        self.declared = tuple(_declared(module))
        self.registered = registered_by(module.__name__)

    @property
    def keras_modules(self) -> tuple[str, ...]:
        """The modules of the Keras classes."""
        paths = [one.path for one in self.registered]
        paths += [
            one.keras
            for one in self.declared
            if issubclass(one, KerasDeclared) and isinstance(one.keras, str)
        ]
        return tuple(match[1] for path in paths if (match := PATH.fullmatch(path)) is not None)

    def collect(self, digest: str) -> None:
        """Checks all classes; `digest` is the hash of the code of the plugin."""
        for cls in self.declared:
            problems = tuple(cls.problems())
            self.faults += [self._invalid(cls.__name__, one) for one in problems]
            if not problems:
                self._add(cls.__name__, cls)
        for bare in self.registered:
            try:
                self._add(bare.kind, bare.make(bare.path, digest))
            except Fault as fault:
                self.faults.append(fault)

    def _invalid(self, name: str, problem: str) -> Fault:
        return Fault("MS852", f"`{name}` of the plugin `{self.module.__name__}` {problem}")

    def _add(self, kind: str, declared: type[Declared]) -> None:
        registry, cls = declared.registry(), cast("type[Settings]", declared)
        kinds = self.by_noun.setdefault(registry.noun, {})
        if registry.has_own(kind):
            message = f"modelspec already has {registry.one} of that name"
        elif kind in kinds and kinds[kind] is not cls:
            message = "the plugin has two classes of that name"
        else:
            kinds[kind] = cls
            return
        self.faults.append(
            Fault(
                "MS851",
                f"`{kind}` of the plugin `{self.module.__name__}` cannot be added: {message}",
                help="rename the class",
            )
        )


def _declared(module: ModuleType) -> Iterator[type[Declared]]:
    """The classes that a module, or another module of its package, defines; without those that are
    only base classes of others.
    """
    top = module.__name__.partition(".")[0]
    found = dict.fromkeys(
        one
        for one in vars(module).values()
        if isinstance(one, type)
        and issubclass(one, Declared)
        and one.__module__.partition(".")[0] == top
    )
    for cls in found:
        is_base = any(other is not cls and issubclass(other, cls) for other in found)
        if not (is_base and cls.is_abstract()):
            yield cls
