"""Where prepared examples are kept: in memory if they are small, otherwise in the cache on disk."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.compiler.pipeline import Compiled
from modelspec.compiler.spec.data_section import DataSection
from modelspec.core.shapes import show

from . import cache
from .adapt import Pipeline, pipelines
from .adapted_state import State
from .auto_sizes import resolve_auto
from .cache import Entry, Explanation, Writer
from .cache import Key as CacheKey
from .column_reader import memory_limit
from .columns import Binding, Key
from .errors import Findings, RunError
from .materialise import ArrayWriter, Block, MakeArray, prepared_blocks
from .parts import seed_of
from .plugin_code import transform_code
from .prepared_keys import expected, must_adapt, vocabularies
from .scan import Scan
from .spec_facts import compared_outputs, typed_graph
from .table import Array, Table
from .targets import loss_of, measure_of
from .windows import LACKING


@dataclass(frozen=True)
class PreparedSource:
    """The prepared examples of a source."""

    arrays: Mapping[str, Array]
    """`inputs/<name>`, `targets/<name>`, `weights`."""
    count: int
    rows: Array | None
    """Their positions in the source; None: in their original order."""
    state: State
    compiled: Compiled
    """With every size that was determined from them."""
    explanation: Explanation

    def of_kind(self, kind: str) -> dict[str, Array]:
        """The arrays of `inputs` or `targets`, by name."""
        return _of_kind(self.arrays, kind)


@dataclass(frozen=True)
class Storage:
    """Prepares sources of one spec, or finds them prepared."""

    compiled: Compiled
    data: DataSection
    binding: Binding
    load: Callable[[], None] = field(repr=False)
    own: str | None = None
    """The fingerprint of the training source, if this run learns from it."""
    once: bool = False
    """Whether they are used once, so that less is kept in memory."""
    shared: bool = False
    """Whether other processes use the same ones now: then those of `cache: auto` are kept on disk,
    whatever their size. Those with findings are not: only the process that prepares them has these.
    """
    found: int = 0
    """The number of findings before anything was read."""

    @contextmanager
    def in_turn(self, table: Table) -> Iterator[Storage]:
        """Inside, one process prepares a shared source while the others wait for it: `find` then
        finds what it prepared. The storage is not shared where that is impossible.
        """
        if not self.shared or self.data.cache not in ("auto", "disk"):
            yield replace(self, shared=False)
            return
        with cache.one_first(self.key(table, None)) as possible:
            yield replace(self, shared=possible)

    def find(self, table: Table) -> PreparedSource | None:
        """The prepared training source of an earlier run; None if there is none."""
        if self.data.cache not in ("auto", "disk"):
            return None
        key = self.key(table, None)
        entry = cache.find(key)
        return None if entry is None else self._found(entry, table, key)

    def make(self, scan: Scan, state: State, findings: Findings) -> PreparedSource:
        """The prepared examples of a scanned source. Raises `DataError` and `RunError`."""
        if any(bound.chain is not None for bound in self.binding.features.values()):
            self.load()
        pipes = pipelines(scan, state, self._dtypes)
        blocks = prepared_blocks(scan, pipes, findings)
        first = next(blocks)
        compiled = resolve_auto(self.compiled, first.inputs)
        key = self.key(scan.table, state)
        source = _Preparation(scan, pipes, compiled, findings, chain([first], blocks), state)
        if not self._on_disk(first, scan, findings):
            return source.write(_in_memory, _explained(key, "memory"))
        if self.data.cache == "off":
            # On disk as long as the process uses the arrays: after the folder is removed, the
            # files no longer have names.
            with tempfile.TemporaryDirectory(prefix="modelspec-") as folder:
                make = Writer(Path(folder), None).array
                return source.write(make, _explained(key, "temporary file"))
        return self._make_entry(source, key)

    @property
    def _dtypes(self) -> dict[Key, str]:
        """The final dtypes of the inputs."""
        inputs = typed_graph(self.compiled).inputs
        return {("inputs", name): tensor.dtype for name, tensor in inputs.items()}

    def _on_disk(self, first: Block, scan: Scan, findings: Findings) -> bool:
        if self.data.cache in ("memory", "disk"):
            return self.data.cache == "disk"
        size = sum(values.nbytes for values in first.values.values()) / len(first.rows) * scan.kept
        shares = self.shared and len(findings.diagnostics) == self.found
        return (shares and cache.has_room(size)) or size > memory_limit(once=self.once)

    # On disk --------------------------------------------------------------------------------------

    def _make_entry(self, source: _Preparation, key: CacheKey) -> PreparedSource:
        """Examples as an entry of the cache, which another process may have made in the
        meantime.
        """
        differs, damaged = cache.nearest_difference(key), cache.is_damaged(key)
        explanation = replace(_explained(key, "disk", differs=differs), damaged=damaged)
        known = len(source.findings.diagnostics)
        try:
            with cache.writing(key) as writer:
                entry = cache.find(key)
                if entry is None:
                    made = source.write(writer.array, explanation)
                    if len(source.findings.diagnostics) > known or _has_text(made):
                        return made  # an entry contains neither findings nor strings
                    _commit(writer, key, made)
                    entry = cache.find(key, written_here=True)
        except OSError as error:
            raise _not_written(error) from None
        if entry is None:
            raise RunError.of(
                "MS632",
                f"the entry just written to `{cache.folder()}` cannot be read",
                help="set `MODELSPEC_CACHE` to another folder, or set `cache: off`",
            )
        return replace(
            self._found(entry, source.scan.table, key),
            state=source.state,
            compiled=source.compiled,
            explanation=explanation,
        )

    def _found(self, entry: Entry, table: Table, key: CacheKey) -> PreparedSource:
        arrays = dict(entry.arrays)
        rows = arrays.pop("rows", None)
        return PreparedSource(
            arrays,
            int(entry.facts["count"]),
            None if rows is None else np.array(rows),
            State.of(entry.facts["state"]),
            resolve_auto(self.compiled, _of_kind(arrays, "inputs")),
            _explained(key, "disk", used=True),
        )

    # The key --------------------------------------------------------------------------------------

    def key(self, table: Table, state: State | None) -> CacheKey:
        """The values that determine the prepared data of a source."""
        typed = typed_graph(self.compiled)
        features = self.binding.features
        return CacheKey(
            table.name,
            {
                "source": table.fingerprint,
                # Left out if every setting has its default, as in the keys of earlier versions.
                **({"settings": dict(table.settings)} if table.settings else {}),
                "columns": {"/".join(key): bound.feature() for key, bound in features.items()},
                **self._window(),
                **vocabularies(features.values()),
                **transform_code(features.values(), self.compiled.file.context.plugins),
                "weights": self.data.weights,
                # Left out if nothing is expected, as in the keys of earlier versions.
                **expected(self.data),
                "inputs": {
                    name: f"{show(tensor.shape)} {tensor.dtype}"
                    for name, tensor in typed.inputs.items()
                },
                "outputs": {name: self._output(name) for name in self.binding.targets},
                "learned": self._learned(table, state),
                "versions": cache.versions(),
            },
        )

    def _window(self) -> dict[str, Any]:
        """The definition of windows, and the ends of the parts within which earlier rows are used;
        empty if each row is an example, as in the keys of earlier versions.
        """
        window, split = self.data.window, self.data.split
        if window is None:
            return {}
        facts = split.facts() if split is not None else None
        return {"window": {**window.model_dump(), "split": facts}}

    def _learned(self, table: Table, state: State | None) -> Any:
        """The learned state; for the training source the values that it is learned from, since the
        key is needed before anything is learned.
        """
        if not any(must_adapt(bound) for bound in self.binding.features.values()):
            return None
        if state is not None and table.fingerprint != self.own:
            return state.digest()
        split = self.data.split
        if split is None:
            return {"seed": None, "split": None}
        return {"seed": seed_of(split, self.compiled), "split": split.facts()}

    def _output(self, name: str) -> str:
        loss = loss_of(self.compiled.training, name) or measure_of(self.compiled.training, name)
        axis = getattr(loss, "axis", None)
        kind = f"{loss.kind()} {getattr(loss, 'targets', '')} {axis}" if loss else ""
        output = typed_graph(self.compiled).outputs.get(name)
        if output is None or name not in compared_outputs(self.compiled.training):
            alone = self.compiled.training is not None
            return "alone" if alone or output is None else f"{show(output.shape)} {output.dtype} "
        return f"{show(output.shape)} {output.dtype} {kind}"


def _of_kind(arrays: Mapping[str, Array], kind: str) -> dict[str, Array]:
    start = f"{kind}/"
    return {name.removeprefix(start): one for name, one in arrays.items() if name.startswith(start)}


def _explained(
    key: CacheKey, where: str, *, used: bool = False, differs: tuple[str, ...] = ()
) -> Explanation:
    return Explanation(key.source, where, used, key.digest, key.parts, differs)


# Arrays -------------------------------------------------------------------------------------------


@dataclass
class _Preparation:
    """A source during preparation: its blocks, and the facts required to write them to arrays."""

    scan: Scan
    pipes: Mapping[Key, Pipeline]
    compiled: Compiled
    findings: Findings
    blocks: Iterator[Block]
    state: State

    def write(self, make: MakeArray, explanation: Explanation) -> PreparedSource:
        """Every block, written to arrays from `make`. Raises `DataError` and `RunError`."""
        writer = ArrayWriter(self.scan, self.pipes, self.compiled, self.findings, make)
        for block in self.blocks:
            writer.add(block)
            for array in writer.arrays.values():
                release(array)
        writer.finish()
        scan = self.scan
        for kind, marks in scan.lacking.items():
            writer.arrays[f"{LACKING}/{kind}"] = make(f"{LACKING}/{kind}", marks.shape, bool)
            writer.arrays[f"{LACKING}/{kind}"][:] = marks
        return PreparedSource(
            writer.arrays, scan.kept, scan.rows, self.state, self.compiled, explanation
        )


def _has_text(made: PreparedSource) -> bool:
    return any(values.dtype == object for values in made.arrays.values())


def _commit(writer: Writer, key: CacheKey, made: PreparedSource) -> None:
    """Makes an entry of the written arrays. Raises `OSError`."""
    if made.rows is not None:
        writer.array("rows", made.rows.shape, made.rows.dtype)[:] = made.rows
    inputs = typed_graph(made.compiled).inputs
    shapes = {name: list(tensor.shape) for name, tensor in inputs.items()}
    writer.commit(key, {"count": made.count, "state": made.state.plain(), "shapes": shapes})


def _not_written(error: OSError) -> RunError:
    return RunError.of(
        "MS632",
        f"prepared data cannot be written to `{cache.folder()}`: {error.strerror or error}",
        help=(
            "free some disk space, set `MODELSPEC_CACHE` to another folder, or set `cache: memory`"
        ),
    )


def _in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.empty(shape, dtype)


def release(array: Array) -> None:
    """Releases the memory of the pages that a memory map has touched; they stay in the page cache
    of the operating system.
    """
    held = getattr(array, "_mmap", None)
    if held is not None:
        with suppress(ValueError, OSError):
            held.madvise(mmap.MADV_DONTNEED)
