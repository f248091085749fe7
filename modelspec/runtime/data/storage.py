"""Where prepared examples are kept: in memory while they are small, else in the cache on disk."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.compiler.infer import TypedGraph
from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_features import MEASURED
from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.shapes import show

from . import cache
from . import column_reader as reading
from .adapt import pipelines
from .adapted_state import State
from .cache import Explanation, Key, Writer
from .columns import Binding, Bound
from .errors import Findings, RunError
from .materialise import Block, MakeArray, Writing, prepared_blocks
from .scan import Survey
from .table import Array, Table
from .targets import loss_of
from .transforms import needs


@dataclass(frozen=True)
class Kept:
    """The prepared examples of a source."""

    arrays: Mapping[str, Array]
    """`inputs/<name>`, `targets/<name>`, `weights`."""
    count: int
    rows: Array | None
    """Where they stand in the source; None: all in their own place."""
    state: State
    compiled: Compiled
    """With every size that followed from them."""
    explanation: Explanation


@dataclass(frozen=True)
class Keeper:
    """Prepares sources of one spec, or finds them prepared."""

    compiled: Compiled
    data: DataSection
    binding: Binding
    load: Callable[[], None] = field(repr=False)
    own: str | None = None
    """The fingerprint of the source that is trained on, where what is learned is learned in this
    run.
    """
    once: bool = False
    """Whether they are gone through once, so that less is kept in memory."""

    def find(self, table: Table) -> Kept | None:
        """The prepared training source of an earlier run; None where there is none."""
        if self.data.cache not in ("auto", "disk"):
            return None
        key = self.key(table, None)
        entry = cache.find(key)
        return None if entry is None else self._found(entry, table, key)

    def make(self, survey: Survey, state: State, findings: Findings) -> Kept:
        """The prepared examples of a source that was looked through. Raises `DataError` and
        `RunError`.
        """
        if any(bound.chain is not None for bound in self._bounds().values()):
            self.load()
        pipes = pipelines(survey, state)
        blocks = prepared_blocks(survey, pipes, findings)
        first = next(blocks)
        compiled = _resolved(self.compiled, first)
        writing = Writing(survey, pipes, compiled, findings, np.empty)  # type: ignore[arg-type]
        key = self.key(survey.table, state)
        rest = chain([first], blocks)
        if not self._on_disk(first, survey):
            writing.make = _in_memory
            _fill(writing, rest)
            where = "memory"
        elif self.data.cache == "off":
            _fill_temporary(writing, rest)
            where = "temporary file"
        else:
            return self._make_entry(writing, rest, key, state, findings)
        return Kept(
            writing.arrays,
            survey.kept,
            survey.rows,
            state,
            compiled,
            Explanation(survey.table.name, where, False, key.digest, key.parts),
        )

    def _on_disk(self, first: Block, survey: Survey) -> bool:
        if self.data.cache in ("memory", "disk"):
            return self.data.cache == "disk"
        size = (
            sum(values.nbytes for values in first.values.values()) / len(first.rows) * survey.kept
        )
        return size > (min(reading.ONCE, reading.MEMORY) if self.once else reading.MEMORY)

    def _make_entry(
        self, writing: Writing, blocks: Iterator[Block], key: Key, state: State, findings: Findings
    ) -> Kept:
        survey, known = writing.survey, len(findings.diagnostics)
        differs = cache.nearest_difference(key)
        explanation = Explanation(survey.table.name, "disk", False, key.digest, key.parts, differs)
        try:
            with cache.writing(key) as writer:
                entry = cache.find(key)
                if entry is None:
                    writing.make = writer.array
                    if survey.rows is not None:
                        writer.array("rows", survey.rows.shape, survey.rows.dtype)[:] = survey.rows
                    _fill(writing, blocks)
                    objects = any(values.dtype == object for values in writing.arrays.values())
                    if (
                        len(findings.diagnostics) > known or objects
                    ):  # what was told is to be told again
                        return Kept(
                            writing.arrays,
                            survey.kept,
                            survey.rows,
                            state,
                            writing.compiled,
                            explanation,
                        )
                    shapes = {
                        name: list(tensor.shape)
                        for name, tensor in _typed(writing.compiled).inputs.items()
                    }
                    writer.commit(
                        key, {"count": survey.kept, "state": state.plain(), "shapes": shapes}
                    )
                    entry = cache.find(key)
        except OSError as error:
            raise RunError.of(
                "MS632",
                f"prepared data cannot be written to `{cache.folder()}`: {error.strerror or error}",
                help=(
                    "free some room, name another folder with `MODELSPEC_CACHE`, or write "
                    "`cache: memory`"
                ),
            ) from None
        if entry is None:
            raise RunError.of(
                "MS632",
                f"what was just written to `{cache.folder()}` cannot be read again",
                help="name another folder with `MODELSPEC_CACHE`, or write `cache: off`",
            )
        return replace(
            self._found(entry, survey.table, key),
            state=state,
            compiled=writing.compiled,
            explanation=explanation,
        )

    def _found(self, entry: cache.Entry, table: Table, key: Key) -> Kept:
        arrays = dict(entry.arrays)
        rows = arrays.pop("rows", None)
        examples = Block(
            np.arange(0),
            {
                ("inputs", name.partition("/")[2]): one
                for name, one in arrays.items()
                if name.startswith("inputs/")
            },
            None,
        )
        return Kept(
            arrays,
            int(entry.facts["count"]),
            None if rows is None else np.array(rows),
            State.of(entry.facts["state"]),
            _resolved(self.compiled, examples),
            Explanation(table.name, "disk", True, key.digest, key.parts),
        )

    # The key --------------------------------------------------------------------------------------

    def key(self, table: Table, state: State | None) -> Key:
        """What the prepared data of a source are determined by.

        What was learned stands in it as what it was learned from where the source is the one that
        is trained on: the key is asked for before anything is learned.
        """
        bounds = self._bounds()
        own = state is None or table.fingerprint == self.own
        learned: Any = None
        if any(must_learn(bound) for bound in bounds.values()):
            split = self.data.split.model_dump() if self.data.split else None
            learned = (
                {"seed": self.compiled.file.seed if split else None, "split": split}
                if own
                else state.digest()
                if state
                else None
            )
        typed = _typed(self.compiled)
        inputs = {
            name: f"{show(tensor.shape)} {tensor.dtype}" for name, tensor in typed.inputs.items()
        }
        outputs = {name: self._output(name) for name in self.binding.targets}
        return Key(
            table.name,
            {
                "source": table.fingerprint,
                "columns": {"/".join(key): bound.feature() for key, bound in bounds.items()},
                "weights": self.data.weights,
                "inputs": inputs,
                "outputs": outputs,
                "learned": learned,
                "versions": cache.versions(),
            },
        )

    def _output(self, name: str) -> str:
        loss = loss_of(self.compiled.training, name)
        axis = getattr(loss, "axis", None)
        kind = f"{loss.kind()} {getattr(loss, 'targets', '')} {axis}" if loss else ""
        return f"{show(_typed(self.compiled).outputs[name].shape)} {kind}"

    def _bounds(self) -> dict[tuple[str, str], Bound]:
        return {
            **{("inputs", name): bound for name, bound in self.binding.inputs.items()},
            **{("targets", name): bound for name, bound in self.binding.targets.items()},
        }


def must_learn(bound: Bound) -> bool:
    """Whether something about a feature follows from the training split."""
    layers = bound.chain.layers if bound.chain else ()
    return (
        bound.missing in MEASURED
        or (bound.pad is not None and bound.pad.length is None)
        or any(needs(layer) for layer in layers)
    )


def _typed(compiled: Compiled) -> TypedGraph:
    assert compiled.graph is not None
    return compiled.graph


def _resolved(compiled: Compiled, block: Block) -> Compiled:
    from .prepare import resolve_auto

    return resolve_auto(
        compiled,
        {name: values for (kind, name), values in block.values.items() if kind == "inputs"},
    )


def _in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.empty(shape, dtype)


def _fill(writing: Writing, blocks: Iterator[Block]) -> None:
    for block in blocks:
        writing.add(block)
        for array in writing.arrays.values():
            release(array)
    writing.finish()


def _fill_temporary(writing: Writing, blocks: Iterator[Block]) -> None:
    """On disk for as long as the process holds the arrays: the files have no name any more when it
    returns.
    """
    with tempfile.TemporaryDirectory(prefix="modelspec-") as folder:
        writing.make = Writer(Path(folder), None).array
        _fill(writing, blocks)


def release(array: Array) -> None:
    """Lets go of the memory that a memory map has touched; the pages stay in the system's own
    cache.
    """
    held = getattr(array, "_mmap", None)
    if held is not None:
        with suppress(ValueError, OSError):
            held.madvise(mmap.MADV_DONTNEED)


__all__ = ["Keeper", "Kept", "MakeArray", "must_learn", "release"]
