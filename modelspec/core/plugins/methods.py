"""Faults of methods of plugins: what they raise, and results of another type (MS853)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..diagnostics import Fault
from .guard import PluginFailure

if TYPE_CHECKING:
    from ..settings import Settings


def failed(settings: Settings, method: str, failure: PluginFailure, advice: str = "") -> Fault:
    """MS853 for a method that raised, or did not return in time."""
    notes = (f"raised in {failure.place}",) if failure.place else ()
    help = "correct the method in the plugin" + (f"; {advice}" if advice else "")
    message = f"`{method}` of {named(settings)} {failure.what}"
    return Fault("MS853", message, (), notes, help=help)


def wrong_result(settings: Settings, method: str, expected: str, found: Any) -> Fault:
    """MS853 for a method that returned something else than `expected`."""
    return wrong(settings, method, expected, repr(found))


def wrong(settings: Settings, method: str, expected: str, found: str) -> Fault:
    """The same for a result that is already described."""
    message = f"`{method}` of {named(settings)} must return {expected}, found {found}"
    return Fault("MS853", message, help="correct the method in the plugin")


def named(settings: Any) -> str:
    """A class of a plugin in a sentence."""
    cls: Any = type(settings)
    noun = getattr(cls, "plugin_noun", None) or cls.registry().noun
    return f"the {noun} `{cls.kind()}` of the plugin `{cls.__module__}`"
