"""Contract tests of sources, transforms and loggers of plugins."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from modelspec.catalog.components.plugin_logger import LoggedRun, Logger
from modelspec.catalog.layers.plugin_transform import Transform
from modelspec.catalog.sources.common.plugin_source import Source
from modelspec.core.diagnostics import Fault
from modelspec.core.plugins.working import worked
from modelspec.core.settings import Context
from modelspec.core.shapes import Tensor
from modelspec.errors import DataError, RunError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from modelspec.runtime.data.plugin_source import PluginTable

_READS: Final = 20
"""Ranges of rows that are read again."""
_CLOSE: Final = 1e-9
"""The tolerated relative difference of the same example in another batch."""


def check_source(source: Source, *, seed: int = 0) -> None:
    """Compare what a source declares with what it reads: the columns, their dtypes and shapes, and
    the number of rows. Random ranges of rows, drawn with `seed`, must be those rows of the whole,
    whenever they are read; and `version` must not change meanwhile. Reads all rows.

    Raises `AssertionError` with everything that is wrong.
    """
    _report(source, _problems(source) or list(_of_source(source, Random(seed))))  # noqa: S311


def check_transform(transform: Transform, values: ArrayLike, *, seed: int = 0) -> None:
    """Compare what a transform declares with what it computes for examples (the first axis of
    `values`): the shape and the dtype of `output`; that an example has the same result in any
    batch; that `adapt` gives the same state again, and for batches of another size; and that a
    state that was saved gives the same results.

    Raises `AssertionError` with everything that is wrong.
    """
    given = np.asarray(values)
    if transform.reads == "numbers" and given.dtype.kind in "biuf":
        given = given.astype(np.float64)
    if "dtype" not in transform.model_fields_set:  # as in a `transform`
        transform = transform.model_copy(update={"dtype": "float64"})
    if given.ndim == 0 or len(given) < 2:
        raise ValueError("`values` must contain at least two examples, along the first axis")
    found = _problems(transform) or list(_of_transform(transform, given, Random(seed)))  # noqa: S311
    _report(transform, found)


def check_logger(logger: Logger, *, epochs: int = 3) -> None:
    """Call the methods of a logger as a run of so many epochs does, as a run that is resumed does,
    and as a run without epochs does, each with another copy and a temporary run folder.

    Raises `AssertionError` if a method raises an exception, does not return, or prints.
    """
    _report(logger, _problems(logger) or list(_of_logger(logger, epochs)))


def _problems(plugin: Any) -> list[str]:
    return [f"it {one}" for one in type(plugin).problems()]


def _report(plugin: Any, found: list[str]) -> None:
    printed = plugin.__dict__.get("_worker")
    if printed is not None and printed.printed:
        found.append(f"it printed: {' '.join(printed.printed)}")
    if found:
        listed = "\n".join(f"- {one}" for one in found)
        raise AssertionError(f"`{plugin.kind()}` does not keep its contract:\n{listed}")


def _fault(call: Callable[[], object]) -> str | None:
    """The fault of a call, in words."""
    try:
        call()
    except Fault as fault:
        return fault.message
    except (DataError, RunError) as error:
        return error.diagnostics[0].message
    return None


# Sources ------------------------------------------------------------------------------------------


def _of_source(source: Source, rng: Random) -> Iterator[str]:
    from modelspec.runtime.data.plugin_source import open_plugin

    opened: list[PluginTable] = []
    wrong = _fault(lambda: opened.append(open_plugin(source, Context(), None)))
    wrong = wrong or _fault(lambda: [opened[0].read(name) for name in opened[0].names])
    if wrong is not None:
        yield wrong
        return
    table = opened[0]
    for name in table.names:
        yield from _ranges(source, table, name, rng)
    again = open_plugin(source, Context(), None)
    if again.fingerprint != table.fingerprint:
        yield "`version` or `rows` changed although nothing else did"


def _ranges(source: Source, table: PluginTable, name: str, rng: Random) -> Iterator[str]:
    """Whether ranges of a column are those of the whole."""
    whole, count = table.read(name), table.count
    for _ in range(_READS if count else 0):
        start = rng.randrange(count)
        stop = min(count, start + rng.choice((1, 2, 5, 64)))
        part: list[NDArray[Any]] = []
        wrong = _fault(lambda: part.append(table.rows(name, start, stop)))  # noqa: B023
        if wrong is not None:
            yield wrong
            return
        if not _same(part[0], whole[start:stop]):
            yield f"`read({start}, {stop})` gives other values of `{name}` than reading all rows"
            return


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype == object and one.size and isinstance(one.flat[0], np.ndarray):
        return len(one) == len(other) and all(map(np.array_equal, one, other))
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


# Transforms ---------------------------------------------------------------------------------------


def _of_transform(transform: Transform, values: NDArray[Any], rng: Random) -> Iterator[str]:
    from modelspec.runtime.data.plugin_transform import Applied
    from modelspec.runtime.data.state_arrays import arrays_of

    given = _type_of(values)
    made: list[Transform] = []
    wrong = _fault(lambda: made.append(_adapted(transform, given, values, len(values))))
    found: list[Any] = []
    wrong = wrong or _fault(lambda: found.append(Applied(made[0], given)(values)))
    if wrong is not None:
        yield wrong
        return
    adapted, whole = made[0], found[0]
    order = list(range(len(values)))
    rng.shuffle(order)
    run = Applied(adapted, given)
    alone = np.concatenate([run(values[place : place + 1]) for place in range(len(values))])
    if not _close(alone, whole):
        yield "`apply` gives an example another result alone than in a batch"
    if not _close(run(values[order]), whole[order]):
        yield "`apply` gives an example another result in a batch of another order"
    if not transform.is_learned:
        return
    again = _adapted(transform, given, values, len(values))
    if again.state != adapted.state:
        yield "`adapt` gives another state for the same rows"
    in_parts = _adapted(transform, given, values, max(1, len(values) // 3))
    if not _close(Applied(in_parts, given)(values), whole, 1e-6):
        yield "`adapt` gives another state for batches of another size"
    saved = arrays_of(adapted.state.plain())  # type: ignore[attr-defined]  # as it is adapted
    if not _same(Applied(adapted.model_copy(update={"state": saved}), given)(values), whole):
        yield "`apply` gives other results for a state that was saved"


def _type_of(values: NDArray[Any]) -> Tensor:
    dtype = "string" if values.dtype.kind in "OU" else values.dtype.name
    return Tensor((None, *values.shape[1:]), dtype)


def _adapted(transform: Transform, given: Tensor, values: NDArray[Any], size: int) -> Transform:
    """The transform after `adapt`. Raises `RunError`."""
    from modelspec.runtime.data.plugin_transform import PluginAdapter

    if not transform.is_learned:
        return transform
    adapter = PluginAdapter(transform, given, block=size)
    while True:
        for start in range(0, len(values), size):
            adapter.update(values[start : start + size], None)
        known = adapter.settings()
        if known is not None:
            return transform.model_copy(update=dict(known))


def _close(one: NDArray[Any], other: NDArray[Any], tolerance: float = _CLOSE) -> bool:
    if one.dtype.kind not in "fc":
        return bool(np.array_equal(one, other))
    return bool(np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True))


# Loggers ------------------------------------------------------------------------------------------


def _of_logger(logger: Logger, epochs: int) -> Iterator[str]:
    entries = [
        (step, {"loss": 1.0 / step, "val_loss": 2.0 / step}) for step in range(1, epochs + 1)
    ]
    half = len(entries) // 2
    logger.worker.printed.clear()  # its thread runs all copies
    with tempfile.TemporaryDirectory() as folder:
        for past, new in ((0, entries[:half]), (half, entries[half:]), (0, [])):
            wrong = _fault(lambda: _logged(logger, Path(folder), entries[:past], new))  # noqa: B023
            if wrong is not None:
                yield wrong
                return


def _logged(
    logger: Logger,
    folder: Path,
    past: list[tuple[int, dict[str, float]]],
    new: list[tuple[int, dict[str, float]]],
) -> None:
    """A run that continues after `past`. Raises `Fault`."""
    copy = logger.model_copy()
    run = LoggedRun("a", folder, {"training.epochs": len(past) + len(new)}, tuple(past))
    worked(copy, "start", lambda: copy.start(run))
    for step, values in new:
        worked(copy, "log", lambda: copy.log(step, dict(values)))  # noqa: B023
    worked(copy, "finish", copy.finish)
