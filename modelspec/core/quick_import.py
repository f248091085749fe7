"""Makes imports cheaper: they take most of the time of a short command.

Keras imports pandas, and scikit-learn with SciPy, where they are installed: for data frames that
are passed to `fit`, and for its scikit-learn wrappers. A command of modelspec uses neither, and the
two take a quarter of the import. The garbage collector takes another quarter: an import creates
hundreds of thousands of objects, and nearly all of them are kept.

pydantic looks for its plugins in all installed packages, and PyYAML prepares a pattern for streams,
which modelspec does not read: together a tenth of a check.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_LEFT_OUT = ("pandas", "sklearn")
"""Modules that Keras does without: it imports them only where they are installed."""
_LOADER = "pydantic.plugin._loader"
"""Imports `importlib.metadata`, with a parser of e-mail. If a version of pydantic has no such
module, nothing changes.
"""
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
