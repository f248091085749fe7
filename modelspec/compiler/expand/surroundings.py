"""The parts of a model beside its layers, which determine the types of their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from modelspec.core.settings import Context
from modelspec.core.source import Entry


class Surroundings(NamedTuple):
    """The parts of a model beside its layers."""

    inputs: Entry | None
    shared: Mapping[str, Entry]
    """Definitions that the layers may call, including those of models around."""
    data_format: Entry | None
    context: Context
