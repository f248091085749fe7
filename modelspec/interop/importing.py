"""A Keras architecture to a spec worth reading: said in the language, in today's words, and as short as it can be."""

from __future__ import annotations

from typing import Any

from ..diagnostics import Checked, Diagnostic
from ..legacy import modernize
from ..pipeline import Compiled, compile_mapping
from ..source import plain, read_mapping
from .architecture import Architecture, Unreadable
from .keras_json import parse
from .sameness import is_same
from .spec import Unsaid, spec_of
from .tidy import tidy

CODE = "MS742"


def from_json(text: bytes | str) -> Checked[dict[str, Any] | None]:
    """The spec of a model whose JSON this is; faults are values, and name the layer."""
    try:
        return from_architecture(parse(text))
    except Unreadable as error:
        return Checked(None, (_fault(str(error), error.help),))


def from_architecture(model: Architecture) -> Checked[dict[str, Any] | None]:
    """The spec of an architecture."""
    try:
        written = spec_of(model)
    except Unsaid as error:
        return Checked(None, tuple(_fault(f"the layer `{name}` cannot be said in a spec: {reason}", help)
                                   for name, reason, help in error.found))
    except Unreadable as error:
        return Checked(None, (_fault(str(error), error.help),))
    document = read_mapping(written)
    if document.value is None:
        return Checked(None, document.diagnostics)
    modern: Any = plain(modernize(document.value).value.root)
    flat = tidy(modern, folded=False)
    checked = compile_mapping(flat)
    if not checked.ok or checked.value is None:
        return Checked(flat, checked.diagnostics)
    return Checked(_folded(modern, checked.value) or flat, checked.diagnostics)


def _folded(spec: dict[str, Any], flat: Compiled) -> dict[str, Any] | None:
    """The spec with what repeats in blocks and loops; None where that would be another model."""
    found = tidy(spec)
    compiled = compile_mapping(found).value
    if compiled is None or compiled.graph is None or flat.graph is None:
        return None
    names = {layer.name for layer in flat.graph.layers if layer.call.use.name is not None}
    return found if is_same(flat.graph, compiled.graph, names) else None


def _fault(message: str, help: str | None) -> Diagnostic:
    return Diagnostic(CODE, "error", message, None, (), help)
