"""The data of a run: prepared with the framework loaded as the run has it, and with what an earlier
run learned.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic

from ..backend.process_state import own_state
from ..data import Examples, Prepared, RunError, Table, prepare, prepare_source
from ..data.adapted_state import FILE, FOLDER, State
from ..data.columns import binding_of
from ..data.inspection import inspect
from ..data.prepared_keys import must_adapt
from ..data.profile import DataFacts
from ..data.skipped_rows import SkippedRows
from . import framework
from .atomic_files import cannot_write
from .framework import Pins


def prepared_data(
    compiled: Compiled, *, pins: Pins | None = None, directory: Path | None = None
) -> Prepared:
    """The data of a spec; those of the run in `directory` with what that run learned. Raises
    `RunError`.
    """
    state = _kept(compiled, directory) if directory is not None else None
    return prepare(compiled, state=state, load=loader(compiled, pins))


def prepared_source(
    compiled: Compiled,
    table: Table,
    directory: Path,
    *,
    with_targets: bool,
    skipped: SkippedRows | None = None,
) -> tuple[Examples, State | None, tuple[Diagnostic, ...]]:
    """The examples of another source for the run in a folder, what that run learned, and warnings.

    Raises `RunError`: MS631 where what the run learned is needed and cannot be read.
    """
    state = saved_state(compiled, directory)
    examples, warnings = prepare_source(
        compiled,
        table,
        with_targets=with_targets,
        state=state,
        load=loader(compiled, None),
        skipped=skipped,
    )
    return examples, state, warnings


def saved_state(compiled: Compiled, directory: Path) -> State | None:
    """What the run in a folder learned; None for a run without that, of data that need nothing."""
    bounds = binding_of(compiled).features.values()
    if any(must_adapt(bound) for bound in bounds):
        return State.load(directory)  # says that it is missing
    return _kept(compiled, directory)


def _kept(compiled: Compiled, directory: Path) -> State | None:
    """What a run kept; None where it had nothing to keep."""
    if (directory / FOLDER / FILE).exists():
        return State.load(directory)
    bounds = binding_of(compiled).features
    learns = any(must_adapt(bound) for bound in bounds.values())
    prepares = any(bound.chain is not None for bound in bounds.values())
    return State.kept_by_none(bounds) if prepares and not learns else None


def save_state(prepared: Prepared, folder: Path) -> None:
    """Puts what was learned into a run folder. Raises `RunError` (MS703)."""
    try:
        prepared.save(folder)
    except OSError as error:
        raise cannot_write(folder / FOLDER, error) from None


def loader(compiled: Compiled, pins: Pins | None = None) -> Callable[[], None]:
    """What loads the framework as the run has it."""
    file = compiled.file
    return lambda: framework.load(file.seed, deterministic=file.runtime.deterministic, pins=pins)


@own_state()
def inspected(compiled: Compiled) -> tuple[DataFacts, Prepared | None]:
    """What can be said of the data of a spec, faults included, and the data where they are right.
    Never raises for what data hold.
    """
    return inspect(compiled, load=loader(compiled, None))


@own_state()
def checked_data(compiled: Compiled) -> tuple[Compiled, tuple[Diagnostic, ...]]:
    """What is wrong with the data of a spec, opened and prepared as training would; and the spec
    with every size that they show. Loads no framework unless a transform needs it.
    """
    if found := without_data(compiled):
        return compiled, found
    try:
        prepared = prepared_data(compiled)
    except RunError as error:
        return compiled, error.diagnostics
    return prepared.compiled, prepared.warnings


def without_data(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """MS660 where a spec has no data to look at."""
    if compiled.data is not None:
        return ()
    root = compiled.file.document.root
    return (
        Diagnostic(
            "MS660",
            "error",
            "the spec has no `data` section to look at",
            root.span,
            (),
            "add `data: {source: {csv: table.csv}, ...}`; `modelspec init` shows one",
        ),
    )
