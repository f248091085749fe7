"""The places of the loggers of a spec."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Span
from modelspec.core.settings import Settings
from modelspec.core.source import Sequence, find

from ..spec.spec_file import SpecFile


def logger_spans(file: SpecFile) -> Iterator[tuple[Settings, Span]]:
    """Each logger of `runtime.logging` with its place."""
    node = find(file.root, ("runtime", "logging"))
    if node is None:
        return
    nodes = node.items if isinstance(node, Sequence) else (node,)
    for made, one in zip(file.runtime.logging or (), nodes, strict=False):
        yield made, one.span
