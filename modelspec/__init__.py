"""modelspec: neural networks as files that are checked before they are trained."""

from __future__ import annotations

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, without the import of typing

if TYPE_CHECKING:
    from . import testing
    from .api import Report, Spec, check, dump, from_keras, load_model, load_spec, open_run, resume
    from .catalog.components.bare_component import register, register_loss, register_metric
    from .catalog.components.plugin_component import Component
    from .catalog.components.plugin_logger import LoggedRun, Logger
    from .catalog.components.plugin_measures import Loss, Metric
    from .catalog.layers.bare_layer import register_layer
    from .catalog.layers.plugin_layer import Layer
    from .catalog.layers.plugin_transform import Transform
    from .catalog.sources.common.plugin_source import Source
    from .core.diagnostics import Diagnostic
    from .errors import DataError, Interrupted, RunError, SpecError
    from .estimators import SpecClassifier, SpecRegressor
    from .runtime.exporters.export_run import export

__version__ = "0.1.0"
__all__ = [
    "Component",
    "DataError",
    "Diagnostic",
    "Interrupted",
    "Layer",
    "LoggedRun",
    "Logger",
    "Loss",
    "Metric",
    "Report",
    "RunError",
    "Source",
    "Spec",
    "SpecClassifier",
    "SpecError",
    "SpecRegressor",
    "Transform",
    "__version__",
    "check",
    "dump",
    "export",
    "from_keras",
    "load_model",
    "load_spec",
    "open_run",
    "register",
    "register_layer",
    "register_loss",
    "register_metric",
    "resume",
    "testing",
]

_HOME = {
    "Component": "catalog.components.plugin_component",
    "DataError": "errors",
    "Diagnostic": "core.diagnostics",
    "Interrupted": "errors",
    "Layer": "catalog.layers.plugin_layer",
    "LoggedRun": "catalog.components.plugin_logger",
    "Logger": "catalog.components.plugin_logger",
    "Loss": "catalog.components.plugin_measures",
    "Metric": "catalog.components.plugin_measures",
    "RunError": "errors",
    "Source": "catalog.sources.common.plugin_source",
    "SpecClassifier": "estimators",
    "SpecError": "errors",
    "SpecRegressor": "estimators",
    "Transform": "catalog.layers.plugin_transform",
    "export": "runtime.exporters.export_run",
    "register": "catalog.components.bare_component",
    "register_layer": "catalog.layers.bare_layer",
    "register_loss": "catalog.components.bare_component",
    "register_metric": "catalog.components.bare_component",
}


if not TYPE_CHECKING:  # a type checker accepts every name where such a function exists

    def __getattr__(name: str) -> object:
        """The public names, imported on first use, so that `import modelspec` is fast."""
        if name not in __all__:
            raise AttributeError(f"module 'modelspec' has no attribute {name!r}")
        from importlib import import_module

        if name == "testing":
            return import_module("modelspec.testing")
        return getattr(import_module(f"modelspec.{_HOME.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
