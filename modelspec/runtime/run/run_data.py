"""The data of a run: prepared with the framework settings of the run, and with the learned state of
an earlier run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from modelspec.compiler.pipeline import Compiled
from modelspec.core.diagnostics import Diagnostic
from modelspec.core.shapes import PENDING

from ..backend.process_state import own_state
from ..data import Examples, Prepared, RunError, Table, prepare, prepare_source
from ..data.adapted_state import FILE, FOLDER, State
from ..data.columns import binding_of
from ..data.inspection import inspect
from ..data.learned_check import check_learned
from ..data.prepared_keys import must_adapt
from ..data.profile import DataFacts
from ..data.skipped_rows import SkippedRows
from ..data.stages import with_stages
from ..distributed.cluster import current_cluster
from ..distributed.strategy import ChosenDevices
from . import framework
from .atomic_files import cannot_write
from .framework import Pins


@own_state()
def prepared_data(
    compiled: Compiled, *, pins: Pins | None = None, directory: Path | None = None
) -> Prepared:
    """The data of a spec; for the run in `directory`, with its learned state. Raises `RunError`."""
    state = _kept(compiled, directory) if directory is not None else None
    load, shared = loader(compiled, pins), current_cluster() is not None
    return with_stages(prepare(compiled, state=state, load=load, shared=shared), load)


def with_sizes_of_data(compiled: Compiled) -> Compiled:
    """The spec with every `auto` size taken from its data; the spec itself if it has none.

    Reads the data. Raises `RunError`: MS729 if the spec has no data that can be opened.
    """
    open_inputs = [
        name
        for name, tensor in (compiled.graph.inputs if compiled.graph else {}).items()
        if PENDING in tensor.shape
    ]
    if not open_inputs:
        return compiled
    if compiled.data is None:
        raise RunError.of(
            "MS729",
            f"the size `auto` of `{open_inputs[0]}` is taken from the data, but the spec has no"
            " `data` section",
            help=f"write the size in numbers, e.g. `--set model.inputs.{open_inputs[0]}=[4]`",
        )
    return prepared_data(compiled).compiled


@own_state()
def prepared_source(
    compiled: Compiled,
    table: Table,
    directory: Path,
    *,
    with_targets: bool,
    skipped: SkippedRows | None = None,
) -> tuple[Examples, State | None, tuple[Diagnostic, ...]]:
    """The examples of another source for the run in a folder, the learned state of that run, and
    warnings.

    Raises `RunError`: MS631 if the learned state of the run is required and cannot be read.
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
    """The learned state of the run in a folder; None for a run without one, whose data
    needs none.
    """
    bounds = binding_of(compiled).features.values()
    if any(must_adapt(bound) for bound in bounds):
        return _loaded(compiled, directory)  # reports that it is missing
    return _kept(compiled, directory)


def _kept(compiled: Compiled, directory: Path) -> State | None:
    """The stored state of a run; None if it has none."""
    if (directory / FOLDER / FILE).exists():
        return _loaded(compiled, directory)
    bounds = binding_of(compiled).features
    learns = any(must_adapt(bound) for bound in bounds.values())
    prepares = any(bound.chain is not None for bound in bounds.values())
    return State.kept_by_none(bounds) if prepares and not learns else None


def _loaded(compiled: Compiled, directory: Path) -> State:
    """Raises `RunError` (MS631) if the file is damaged, or not of a run of this spec."""
    state = State.load(directory)
    check_learned(state, binding_of(compiled).features, str(directory / FOLDER / FILE))
    return state


def save_state(prepared: Prepared, folder: Path) -> None:
    """Writes the learned state to a run folder. Raises `RunError` (MS703)."""
    try:
        prepared.save(folder)
    except OSError as error:
        raise cannot_write(folder / FOLDER, error) from None


def loader(compiled: Compiled, pins: Pins | None = None) -> Callable[[], None]:
    """The function that loads the framework with the settings of the run."""
    file = compiled.file
    return lambda: framework.load(
        file.seed,
        deterministic=file.runtime.deterministic,
        pins=pins,
        choose_devices=ChosenDevices(file.runtime.devices, current_cluster()).try_to_choose,
    )


@own_state()
def inspected(compiled: Compiled) -> tuple[DataFacts, Prepared | None]:
    """The diagnostics of the data of a spec, including errors, and the data if it is valid. Never
    raises for errors in data.
    """
    return inspect(compiled, load=loader(compiled, None))


@own_state()
def checked_data(compiled: Compiled) -> tuple[Compiled, tuple[Diagnostic, ...]]:
    """The diagnostics of the data of a spec, opened and prepared as for a training; and the spec
    with every size that the data determines. Loads no framework unless a transform requires it.
    """
    if found := without_data(compiled):
        return compiled, found
    try:
        prepared = prepared_data(compiled)
    except RunError as error:
        return compiled, error.diagnostics
    return prepared.compiled, prepared.warnings


def without_data(compiled: Compiled) -> tuple[Diagnostic, ...]:
    """MS660 if a spec has no data."""
    if compiled.data is not None:
        return ()
    root = compiled.file.document.root
    return (
        Diagnostic(
            "MS660",
            "error",
            "the spec has no `data` section",
            root.span,
            (),
            "add `data: {source: {csv: table.csv}, ...}`; `modelspec init` shows an example",
        ),
    )
