"""What the tests of expansion share: a spec's text compiled, and its graph in short."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelspec.compiler.expand import expand
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.pipeline import compile_document
from modelspec.core.diagnostics import Diagnostic, in_file_order
from modelspec.core.settings import Context
from modelspec.core.source import Document, plain, read_text


def expanded(
    text: str, overrides: Mapping[str, Any] | None = None, folder: Path | None = None
) -> Document:
    """The document of a spec that has no fault in its text, expanded; no fault is found on the
    way.
    """
    document = read_text(textwrap.dedent(text), "spec.yaml")
    assert document.value is not None, document.diagnostics
    found = expand(document.value, Context(folder=folder, project=folder), overrides or {})
    assert not found.diagnostics, "\n".join(map(str, found.diagnostics))
    assert found.value is not None
    return found.value


def values(text: str, overrides: Mapping[str, Any] | None = None) -> Any:
    """The expanded spec in plain values."""
    return plain(expanded(text, overrides).root)


def graph(text: str, overrides: Mapping[str, Any] | None = None) -> TypedGraph:
    """The typed graph of a spec without faults."""
    compiled = compile_document(expanded(text, overrides), Context())
    assert not compiled.diagnostics, "\n".join(map(str, compiled.diagnostics))
    assert compiled.value.graph is not None
    return compiled.value.graph


def call(text: str, name: str) -> TypedCall:
    """One layer of a spec without faults."""
    found = graph(text).layer(name)
    assert found is not None
    return found


def shapes(text: str) -> list[tuple[str, Any]]:
    """Every layer with its shape, the batch axis left out."""
    return [(layer.name, layer.output_shape[1:]) for layer in graph(text).layers]


def calls(text: str) -> list[tuple[str, str, list[str]]]:
    """Every layer with its kind and what it takes."""
    return [(layer.name, layer.kind, layer.inputs) for layer in graph(text).layers]


def faults(text: str, overrides: Mapping[str, Any] | None = None) -> tuple[Diagnostic, ...]:
    """Everything that is found wrong with a spec, as the pipeline tells it."""
    document = read_text(textwrap.dedent(text), "spec.yaml")
    if document.value is None:
        return document.diagnostics
    found = expand(document.value, Context(), overrides or {})
    rest = compile_document(found.value, Context()).diagnostics if found.value else ()
    return in_file_order([*document.diagnostics, *found.diagnostics, *rest])


def said(text: str, overrides: Mapping[str, Any] | None = None) -> list[str]:
    """The same, each as `code line:column text at fault`."""
    return [
        f"{one.code} {one.line}:{one.column} {one.span.text}" if one.span else one.code
        for one in faults(text, overrides)
    ]
