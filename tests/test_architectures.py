"""The library's architectures, without a framework: every file has no fault, whatever is asked of
it, and is short.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms

LIBRARY = Path(ms.__file__).parent / "catalog" / "library"
FILES = [
    path
    for path in sorted(LIBRARY.glob("*.yaml"))
    if re.search(r"^(model|extends):", path.read_text(), re.M)
]
"""Those that are models; the others are blocks."""
FAMILIES = [path for path in FILES if not path.read_text().startswith("extends:")]
"""One of each family, which its sisters extend."""

LIMITS = {"VGG16": 30, "ResNet50": 45, "InceptionV3": 140}
"""Lines that the best known may have, comments and blank lines aside."""
LIMIT, EXTENDS = 140, 30


def lines(path: Path) -> list[str]:
    """The lines of a spec that say something."""
    return [
        line
        for line in path.read_text().splitlines()
        if line.strip() and not line.strip().startswith("#")
    ]


def load(path: Path, **settings: Any) -> ms.Spec:
    spec = ms.load_spec(path, {f"vars.{name}": value for name, value in settings.items()})
    assert not spec.diagnostics, "\n".join(map(str, spec.diagnostics))
    return spec


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_has_no_fault_and_says_where_it_is_from(path: Path) -> None:
    spec = load(path)
    description = spec.compiled.file.description
    assert description is not None
    assert "https://" in description


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_short(path: Path) -> None:
    written = lines(path)
    assert len(written) <= (
        EXTENDS if written[0].startswith("extends:") else LIMITS.get(path.stem, LIMIT)
    )
    assert max(map(len, path.read_text().splitlines())) <= 120


@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_the_top_and_what_may_stand_in_its_place(path: Path) -> None:
    """`pooling` adds one layer to the model without its top, and nothing else."""
    top = load(path, classes=7, classifier_activation=None).graph
    assert [tensor.shape[-1] for tensor in top.outputs.values()] == [7]
    bare = load(path, include_top=False).graph
    height, width, channels = next(iter(bare.outputs.values())).shape[1:]
    assert (height, width) != (1, 1)
    names = [layer.name for layer in bare.layers]
    assert set(names) < {
        layer.name for layer in load(path, include_top=False, pooling="avg").graph.layers
    }
    for pooling, kind in (("avg", "GlobalAveragePooling2D"), ("max", "GlobalMaxPooling2D")):
        pooled = load(path, include_top=False, pooling=pooling).graph
        assert [tensor.shape[1:] for tensor in pooled.outputs.values()] == [(channels,)]
        assert kind in [layer.kind for layer in pooled.layers if layer.name not in names]
        assert pooled.parameters in (bare.parameters, _with_norm(bare.parameters, channels))


def _with_norm(parameters: int | None, channels: Any) -> int:
    """ConvNeXt normalizes what is pooled."""
    assert parameters is not None
    return parameters + 2 * int(channels)
