"""The kinds that ship: every file is a spec without faults, flat as well as nested."""

from __future__ import annotations

import pytest

from modelspec.catalog import library
from modelspec.catalog.layers import LAYERS
from modelspec.compiler.expand.library_kinds import load
from modelspec.compiler.pipeline import compile_spec


@pytest.mark.parametrize("kind", library.kinds())
def test_every_kind_that_ships_is_read_without_a_fault(kind: str) -> None:
    loaded = load(kind)
    assert not loaded.faults and loaded.description
    if loaded.model is None:
        return
    checked = compile_spec({"extends": kind})
    assert not checked.diagnostics and checked.value is not None and checked.value.graph is not None
    shape = checked.value.graph.graph.inputs
    assert shape is not None and shape[0].shape is not None
    nested = compile_spec({"model": {"inputs": {"image": shape[0].shape}, "layers": [kind]}})
    assert not nested.diagnostics and nested.value is not None and nested.value.graph is not None
    inside = nested.value.graph.layers[0].inside
    assert inside is not None and inside.parameters == checked.value.graph.parameters
    assert [layer.name for layer in inside.layers] == [
        layer.name for layer in checked.value.graph.layers
    ]


def test_names_of_the_library_are_no_names_of_layers() -> None:
    assert not {*library.kinds()} & {*LAYERS.names(), *LAYERS.refused}
