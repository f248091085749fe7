"""The services of a spec: their packages, their hosts, and the objects that log."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from modelspec.catalog.components import LOGGERS
from modelspec.compiler.pipeline import Compiled
from modelspec.core.settings import Settings

from ...data import RunError
from .service import Service


def chosen(compiled: Compiled) -> tuple[Settings, ...]:
    """The loggers of a spec."""
    return compiled.file.runtime.logging or ()


def require_packages(compiled: Compiled) -> None:
    """Raises `RunError` (MS779) if the package of a logger is not installed."""
    for one in chosen(compiled):
        package = getattr(one, "package", "")
        if package and find_spec(package) is None:
            raise RunError.of(
                "MS779",
                f"the logger `{one.kind()}` requires the package `{package}`, which is not"
                " installed",
                help=f"`pip install 'modelspec[{package}]'`, or remove it from `runtime.logging`",
            )


def service_of(settings: Settings) -> Service:
    """The service that a logger configures."""
    kind = settings.kind()
    is_own = LOGGERS.has_own(kind)
    module = import_module(f"{__package__}.{kind if is_own else 'plugins'}")
    made: Service = module.Service(settings)
    return made


def is_online(settings: Any, compiled: Compiled) -> bool:
    """Whether a logger that works without a network may use it: its host is allowed, and the
    environment has a key.
    """
    target = getattr(settings, "host", None)
    if target is None or os.environ.get("WANDB_MODE", "online") != "online":
        return False
    is_allowed = compiled.file.context.places.allow_host(*target)
    return is_allowed and bool(os.environ.get("WANDB_API_KEY"))
