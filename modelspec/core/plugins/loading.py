"""Loads a plugin: the requested module becomes a `Plugin`, or a `Fault` that names it."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Final

from ..diagnostics import Diagnostic, Fault
from .code_hash import code_hash
from .guard import PluginFailure, captured, guarded, shortened
from .members import Members
from .opened import placed
from .plugin import Plugin
from .requests import Request

IMPORT_SECONDS: Final = 60.0
"""The time limit of importing a module."""


_loaded: dict[str, Plugin] = {}
"""Python imports a module once in a process."""
_hung: dict[str, PluginFailure] = {}
"""Modules whose import did not end: Python would wait for it again."""


def load(request: Request) -> Plugin:
    """Raises `Fault` with the first fault of the module."""
    if not request.is_name:
        raise Fault(
            "MS847",
            f"the plugin `{shortened(request.module)}` is not the name of a Python module",
            help='write the name as in `import`, e.g. "ourlab.layers"',
        )
    known = _loaded.get(request.module)
    if known is not None:
        _need_same_file(request, Path(known.file))
        return known
    printed, module = _imported(request)
    file = Path(getattr(module, "__file__", None) or ".")
    _need_same_file(request, file)
    members = Members(module)
    digest = code_hash((request.module, *members.keras_modules), request.root)
    members.collect(digest)
    if members.faults:
        raise members.faults[0]
    plugin = Plugin(
        request.module,
        request.origin,
        request.where,
        str(file),
        request.version or str(getattr(module, "__version__", "")),
        digest,
        members.by_noun,
        tuple(_remarks(request, printed, members)),
    )
    _loaded[request.module] = plugin
    return plugin


def _remarks(request: Request, printed: str, members: Members) -> list[Diagnostic]:
    """MS850 for a module that prints, MS848 for one that adds nothing."""
    faults = []
    if printed.strip():
        said = shortened(" ".join(printed.split()))
        faults.append(
            Fault(
                "MS850",
                f"the plugin `{request.module}` printed when it was imported: {said}",
                help="remove the output: a command may write JSON there",
                severity="warning",
            )
        )
    if not any(members.by_noun.values()):
        faults.append(
            Fault(
                "MS852",
                f"the plugin `{request.module}` adds nothing",
                help=(
                    "derive a class from `ms.Layer`, `ms.Loss`, `ms.Metric` or `ms.Component`, or"
                    " call `ms.register_layer`"
                ),
                severity="warning",
            )
        )
    return [placed(one, request) for one in faults]


def _imported(request: Request) -> tuple[str, ModuleType]:
    """What the module printed, and the module. Raises `Fault` (MS847, MS848, MS849)."""
    if request.module in _hung:
        raise _failed(request, _hung[request.module])
    if request.root is not None and str(request.root) not in sys.path:
        sys.path.append(str(request.root))  # last: it replaces no installed module
    with captured() as output:
        try:
            module = guarded(lambda: import_module(request.module), IMPORT_SECONDS)
        except PluginFailure as failure:
            if failure.error is None:
                _hung[request.module] = failure
            raise _failed(request, failure) from None
    return output.getvalue(), module


def _failed(request: Request, failure: PluginFailure) -> Fault:
    name, error = request.module, failure.error
    if error is None:
        return Fault(
            "MS849",
            f"the import of the plugin `{name}` {failure.what}",
            help="a plugin module only declares classes: move other work into functions",
        )
    if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
        _need_same_package(request)
        where = f"in {request.root} or " if request.root is not None else ""
        return Fault(
            "MS847",
            f"the plugin `{name}` does not exist: no module of that name {where}among the installed"
            " packages",
            help=f"correct the name, or install the package that contains `{name}`",
        )
    notes = (f"raised in {failure.place}",) if failure.place else ()
    message = f"the plugin `{name}` cannot be imported: it {failure.what}"
    return Fault("MS848", message, (), notes, help=f'try `python -c "import {name}"`')


def _need_same_package(request: Request) -> None:
    """Raises `Fault` (MS851) if Python has imported a package of the same name from elsewhere, in
    which it looks for the module.
    """
    package = sys.modules.get(request.module.partition(".")[0])
    for folder in getattr(package, "__path__", ()):
        _need_same_file(request, Path(folder))


def _need_same_file(request: Request, file: Path) -> None:
    """Raises `Fault` (MS851) if the module is not the one of the project: an installed module, or
    one of another project, has the same name.
    """
    if request.root is None:
        return
    top = request.module.partition(".")[0]
    own = PathFinder.find_spec(top, [str(request.root)])
    if own is None or file.is_relative_to(request.root):
        return
    raise Fault(
        "MS851",
        f"the plugin `{request.module}` was imported from {file}, but the project also contains a"
        f" module `{top}`",
        help="rename the module of the project",
    )
