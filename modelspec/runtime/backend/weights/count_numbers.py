"""Whether a file has enough numbers for a model: asked before the model is built, because the
description of layers in a file of a few bytes can choose any size. Loads no framework.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.importers.import_model import Imported
from modelspec.runtime.data.errors import RunError

from ..hdf5.entry import refused
from ..hdf5.process import Tree
from .layer_arrays import Groups
from .model_weights import opened_model
from .weight_files import opened

_FEW: Final = 100_000
"""The number of weights of a model that may be built for any file."""
_MOST_GROUPS: Final = 50_000
"""Groups that are visited: links can make a file endless."""


def require_numbers(found: Imported, source: Path) -> None:
    """Raises `RunError` (MS745) if the model of an imported spec has far more weights than the file
    has numbers; MS750 and MS751 for a file that cannot be read.
    """
    checked = compile_spec({key: value for key, value in found.spec.items() if key != "training"})
    graph = checked.value.graph if checked.value is not None else None
    weights = graph.parameters if graph is not None else None
    if weights is None or weights <= _FEW:
        return
    with opened_model(source, source.name, found.architecture) as file:
        if isinstance(file, dict):
            return
        numbers = _numbers(file, source.name)
    if _are_few(numbers, weights):
        raise RunError.of(
            "MS745",
            f"the model has {weights:,} weights, but `{source.name}` contains only {numbers:,}"
            " numbers",
            help="import the architecture alone, without `--weights`",
        )


def require_numbers_of_run(compiled: Compiled, source: Path) -> None:
    """Raises `RunError` (MS752) if the model of a run has far more weights than its model file has
    numbers; MS750 and MS751 for a file that cannot be read.
    """
    weights = compiled.graph.parameters if compiled.graph is not None else None
    if weights is None or weights <= _FEW:
        return
    with opened(source, str(source)) as file:
        numbers = _numbers(file, str(source)) if isinstance(file, Tree) else 0
    require_enough(numbers, weights, source)


def require_enough(numbers: int, weights: int | None, source: Path) -> None:
    """Raises `RunError` (MS752) if a run has stored far fewer numbers than its model has weights:
    a model of that size is not built for them.
    """
    if weights is not None and weights > _FEW and _are_few(numbers, weights):
        raise RunError.of(
            "MS752",
            f"the model of the run has {weights:,} weights, but `{source}` contains only"
            f" {numbers:,} numbers",
            help="restore the run from a copy, or train again",
        )


def _are_few(numbers: int, weights: int) -> bool:
    """Older versions stored some weights in fewer numbers, e.g. one bias for two."""
    return weights > 2 * numbers


def _numbers(file: Groups, shown: str) -> int:
    """The number of elements in all datasets."""
    total, visited, groups = 0, 0, [""]
    while groups:
        group, visited = groups.pop(), visited + 1
        if visited > _MOST_GROUPS:
            raise refused(shown, f"it has more than {_MOST_GROUPS:,} groups")
        for name in file.names(group):
            path = f"{group}/{name}" if group else name
            if file.has(path):
                groups.append(path)
            elif (found := file.entry(path)) is not None:
                total += math.prod(found.shape)
    return total
