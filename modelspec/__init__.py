"""modelspec: neural networks as files that are checked before they are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import Report, Spec, check, dump, from_keras, load_model, load_spec, open_run, resume
    from .core.diagnostics import Diagnostic
    from .errors import DataError, Interrupted, RunError, SpecError
    from .estimators import SpecClassifier, SpecRegressor
    from .runtime.exporters.export_run import export

__version__ = "0.1.0"
__all__ = [
    "DataError",
    "Diagnostic",
    "Interrupted",
    "Report",
    "RunError",
    "Spec",
    "SpecClassifier",
    "SpecError",
    "SpecRegressor",
    "__version__",
    "check",
    "dump",
    "export",
    "from_keras",
    "load_model",
    "load_spec",
    "open_run",
    "resume",
]

_HOME = {
    "DataError": "errors",
    "Diagnostic": "core.diagnostics",
    "Interrupted": "errors",
    "RunError": "errors",
    "SpecClassifier": "estimators",
    "SpecError": "errors",
    "SpecRegressor": "estimators",
    "export": "runtime.exporters.export_run",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when they are first used: `import modelspec` itself costs next to
    nothing.
    """
    if name not in __all__:
        raise AttributeError(f"module 'modelspec' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"modelspec.{_HOME.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
