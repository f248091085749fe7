"""An output with a loss but no target."""

from __future__ import annotations

from modelspec.core.diagnostics import Note
from modelspec.core.source import Mapping, Node, plain

from ..spec.data_section import DataSection
from ..spec.training_section import Chosen, Training
from .case import Case


def check(case: Case) -> None:
    """Check every output with a loss or a metric, if the source is known."""
    data, training = case.data, case.fitting
    if data is None or training is None or "train" not in data.sources:
        return
    for name in _without_target(data, training, _written(case)):
        chosen = training.losses.get(name) or _first_metric(training, name)
        if chosen is not None:
            case.report.error(
                "MS623",
                f"output `{name}` has a loss, but `data.targets` has no entry for it",
                chosen.span,
                notes=[Note("the data", data.span)],
                help=f"add `targets: {{{name}: {{column: ...}}}}` to `data`",
            )


def _first_metric(training: Training, output: str) -> Chosen | None:
    found = (*training.metrics.get(output, ()), *training.weighted_metrics.get(output, ()))
    return next(iter(found), None)


def _written(case: Case) -> Node | None:
    """The names under `data.targets`, including those with errors."""
    section = case.file.document.root.entries.get("data") if case.file is not None else None
    node = section.value if section is not None else None
    entry = node.entries.get("targets") if isinstance(node, Mapping) else None
    return entry.value if entry is not None and plain(entry.value) is not None else None


def _without_target(data: DataSection, training: Training, written: Node | None) -> list[str]:
    trained = list(dict.fromkeys((*training.losses, *training.metrics, *training.weighted_metrics)))
    if data.targets is None:
        # Targets with errors are reported elsewhere; a single output may use that of the source.
        by_default = data.sources["train"].own_target and len(trained) == 1
        return [] if written is not None or by_default else trained
    named = written.entries if isinstance(written, Mapping) else {}
    read = {one for term in training.objective.values() for one in term.targets.values()}
    if not data.targets or any(name not in training.outputs for name in named.keys() - read):
        return []  # names with errors may have been meant for these outputs
    return [name for name in trained if name not in data.targets and name not in named]
