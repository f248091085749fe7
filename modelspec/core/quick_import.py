"""Makes imports cheaper: they take most of the time of a short command.

Keras imports pandas, and scikit-learn with SciPy, where they are installed: for data frames that
are passed to `fit`, and for its scikit-learn wrappers. A command of modelspec uses neither, and the
two take a quarter of the import. The garbage collector takes another quarter: an import creates
hundreds of thousands of objects, and nearly all of them are kept.

pydantic looks for its plugins in all installed packages. A tenth of a check is the creation of
classes that pydantic uses for little or nothing: 90 typed dictionaries, which are only annotations,
and 50 dataclasses, each with up to six compiled functions. Another tenth is the compilation of
regular expressions, most of which no check uses.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_LEFT_OUT = ("pandas", "sklearn")
"""Modules that Keras does without: it imports them only where they are installed."""
_LOADER = "pydantic.plugin._loader"
"""Imports `importlib.metadata`, with a parser of e-mail. If a version of pydantic has no such
module, nothing changes.
"""
_LAZY = "secrets"
"""Loads OpenSSL; pydantic uses it only to compare passwords."""
_process = {"owned": False}


def own_process() -> None:
    """Declares that this process runs a command of modelspec and no other program: only then may
    Keras be imported without the modules that other programs use it with.
    """
    _process["owned"] = True


def owns_process() -> bool:
    """Whether this process runs a command of modelspec and no other program."""
    return _process["owned"]


@contextmanager
def quick_import() -> Iterator[None]:
    """Inside, imports run without garbage collection; in a process of modelspec alone, without the
    modules that Keras does not need, which can be imported afterwards as usual.
    """
    collected = gc.isenabled()
    gc.disable()
    hidden: dict[str, ModuleType | None] = {}
    if _process["owned"]:
        hidden = {name: None for name in _LEFT_OUT if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if collected:
            gc.enable()
        if _process["owned"]:
            gc.freeze()


@contextmanager
def quick_compiler() -> Iterator[None]:
    """Inside, in a process of modelspec alone, pydantic does not look for its plugins when it
    creates the classes of modelspec.
    """
    if not _process["owned"] or _LOADER in sys.modules:
        yield
        return
    loader = ModuleType(_LOADER)
    loader.get_plugins = tuple  # type: ignore[attr-defined]  # called without arguments: none
    sys.modules[_LOADER] = loader
    try:
        yield
    finally:
        del sys.modules[_LOADER]


def import_pydantic() -> None:
    """Import pydantic faster; only in a process that ends after a check. Only pydantic's own
    classes differ: all modules are as usual afterwards. If a version of pydantic does not import
    what is replaced here, nothing changes.
    """
    if "pydantic" in sys.modules:
        return
    import dataclasses

    import typing_extensions

    from . import records

    with _lazy(_LAZY), _replaced(dataclasses, "dataclass", records.dataclass):
        with _replaced(typing_extensions, "TypedDict", _Annotation):
            import pydantic_core
        # pydantic imports its modules on first use; a check uses all of these.
        from pydantic import BaseModel, Field, GetJsonSchemaHandler, PlainValidator, json_schema

    assert pydantic_core, (BaseModel, Field, GetJsonSchemaHandler, PlainValidator, json_schema)


@contextmanager
def lazy_patterns() -> Iterator[None]:
    """Inside, regular expressions of modules and classes of `_PATIENT` packages are compiled on
    first use; those that functions compile, at once, with their errors. Only in a process that ends
    after a check: `re.sub` and `isinstance` do not take such an expression for a `re.Pattern`.
    """
    compile_now = re.compile

    def compile_later(pattern: Any, flags: Any = 0) -> Any:
        caller = sys._getframe(1)
        package = str(caller.f_globals.get("__name__")).partition(".")[0]
        if package not in _PATIENT or caller.f_code.co_flags & _OPTIMIZED:
            return compile_now(pattern, flags)
        return _LazyPattern(pattern, flags)

    with _replaced(re, "compile", compile_later):
        yield


_PATIENT = ("modelspec", "yaml", "pydantic")
"""Packages that only call the methods of their expressions; those of plugins may do more."""
_OPTIMIZED = 1
"""Flag of the code of functions; that of a module or of a class body lacks it."""


class _LazyPattern:
    """A regular expression that is compiled when an attribute is asked for."""

    def __init__(self, pattern: Any, flags: Any) -> None:
        self._written = (pattern, flags)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        compiled = re._compile(*self._written)  # type: ignore[attr-defined]  # `compile` is replaced
        self.__dict__.update({one: getattr(compiled, one) for one in _OF_PATTERNS})
        return getattr(compiled, name)


_OF_PATTERNS = tuple(one for one in dir(re.Pattern) if not one.startswith("__"))


class _PlainClass(type):
    """Creates classes of dictionaries without types for their keys."""

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> type:
        return type.__new__(cls, name, (dict,), body)

    def __init__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any], **_: Any) -> None:
        type.__init__(cls, name, bases, body)


class _Annotation(metaclass=_PlainClass):
    """In place of `TypedDict`."""


@contextmanager
def _replaced(module: ModuleType, name: str, value: object) -> Iterator[None]:
    """Inside, a name of a module has another value."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


@contextmanager
def _lazy(name: str) -> Iterator[None]:
    """Inside, an import of a module gives one that is imported on first use."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = _LazyModule(name)
    try:
        yield
    finally:
        del sys.modules[name]


class _LazyModule(ModuleType):
    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(__import__(self.__name__), attribute)
