"""What the page shows of one version of a spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Checked, Diagnostic
from modelspec.core.diagnostics.render import text
from modelspec.core.source.source_files import source_files
from modelspec.core.visible import visible
from modelspec.views.picture import picture
from modelspec.views.summary import HEADER, NUMBERS, memory_view, summary

PICTURED: Final = 1_000
"""The most layers of a picture; a larger one takes longer to draw than to read the table."""
_SHOWN: Final = 200
"""The most diagnostics of the page."""


@dataclass(frozen=True)
class Model:
    """A version of the spec without errors, as the page shows it."""

    name: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    totals: list[tuple[str, str]]
    svg: bytes | None
    """The picture; None for a model that is too large for one."""


@dataclass(frozen=True)
class View:
    """The state of the page."""

    ok: bool
    """Whether the present version has no errors."""
    counted: str
    """`2 errors, 1 warning`."""
    diagnostics: tuple[tuple[str, str], ...]
    """The severity of each, and the same text as `check` prints."""
    model: Model | None
    """The last version without errors; None if there was none."""
    files: tuple[Path, ...] = field(default=(), compare=False)
    """The files of which the spec consists."""

    def as_json(self, revision: int) -> dict[str, Any]:
        """The state for the page; the picture is a file with a URL, and not part of it."""
        model = self.model
        shown = None
        if model is not None:
            shown = {
                "name": visible(model.name),
                "header": model.header,
                "numbers": NUMBERS,
                "rows": [[visible(one) for one in row] for row in model.rows],
                "totals": model.totals,
                "picture": None if model.svg is None else f"/picture.svg?revision={revision}",
            }
        return {
            "revision": revision,
            "ok": self.ok,
            "counted": self.counted,
            "diagnostics": self.diagnostics,
            "model": shown,
        }


def view(file: str, checked: Checked[Compiled | None], before: View | None) -> View:
    """The state after a check. Where the spec has errors, the page keeps the model of the last
    version without errors, which `before` has.
    """
    compiled = checked.value if checked.ok else None
    model = _model(compiled) if compiled is not None else None
    if model is None and before is not None:
        model = before.model
    return View(
        checked.ok,
        text.count(checked.diagnostics),
        _texts(checked.diagnostics),
        model,
        _files(file, checked, before),
    )


def _model(compiled: Compiled) -> Model | None:
    graph = compiled.graph
    if graph is None:
        return None
    stages = compiled.stage_graphs
    found = summary(
        graph,
        memory=memory_view(graph, compiled.training, stages),
        stages=stages,
        players=compiled.player_graphs,
    )
    drawn = graph.depth_first_calls <= PICTURED
    svg = picture(compiled.name, graph, "svg") if drawn else None
    return Model(compiled.name, HEADER, found.rows, found.totals, svg)


def _texts(diagnostics: Sequence[Diagnostic]) -> tuple[tuple[str, str], ...]:
    shown = tuple((one.severity, text.block(one)) for one in diagnostics[:_SHOWN])
    rest = len(diagnostics) - len(shown)
    return (*shown, ("note", f"{rest:,} more: `modelspec check` lists all")) if rest else shown


def _files(file: str, checked: Checked[Compiled | None], before: View | None) -> tuple[Path, ...]:
    """Those of the present version, and of the version before: a file with a syntax error does not
    show which files it extends.
    """
    found = [Path(file)]
    if checked.value is not None:
        found += map(Path, source_files(checked.value.file.document.root))
    elif before is not None:
        found += before.files
    return tuple(dict.fromkeys(found))
