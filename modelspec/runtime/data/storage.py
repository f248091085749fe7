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
from .prepared_keys import expected, must_adapt, vocabularies
from .scan import Scan
from .spec_facts import typed_graph
from .table import Array, Table
from .targets import loss_of
from .windows import LACKING


@dataclass(frozen=True)
class PreparedSource:
    """The prepared examples of a source."""

    arrays: Mapping[str, Array]
    """`inputs/<name>`, `targets/<name>`, `weights`."""
    count: int
    rows: Array | None
    """Their places in the source; None: all in their own place."""
    state: State
    compiled: Compiled
    """With every size that followed from them."""
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
    """The fingerprint of the source that is trained on, where what is learned is learned in this
    run.
    """
    once: bool = False
    """Whether they are gone through once, so that less is kept in memory."""

    def find(self, table: Table) -> PreparedSource | None:
        """The prepared training source of an earlier run; None where there is none."""
        if self.data.cache not in ("auto", "disk"):
            return None
        key = self.key(table, None)
        entry = cache.find(key)
        return None if entry is None else self._found(entry, table, key)

    def make(self, scan: Scan, state: State, findings: Findings) -> PreparedSource:
        """The prepared examples of a source that was looked through. Raises `DataError` and
        `RunError`.
        """
        if any(bound.chain is not None for bound in self.binding.features.values()):
            self.load()
        pipes = pipelines(scan, state, self._dtypes)
        blocks = prepared_blocks(scan, pipes, findings)
        first = next(blocks)
        compiled = resolve_auto(self.compiled, first.inputs)
        key = self.key(scan.table, state)
        source = _Preparation(scan, pipes, compiled, findings, chain([first], blocks), state)
        if not self._on_disk(first, scan):
            return source.write(_in_memory, _explained(key, "memory"))
        if self.data.cache == "off":
            # On disk for as long as the process holds the arrays: the files have no name any more
            # when the folder is gone.
            with tempfile.TemporaryDirectory(prefix="modelspec-") as folder:
                make = Writer(Path(folder), None).array
                return source.write(make, _explained(key, "temporary file"))
        return self._make_entry(source, key)

    @property
    def _dtypes(self) -> dict[Key, str]:
        """What the inputs are cast to in the end."""
        inputs = typed_graph(self.compiled).inputs
        return {("inputs", name): tensor.dtype for name, tensor in inputs.items()}

    def _on_disk(self, first: Block, scan: Scan) -> bool:
        if self.data.cache in ("memory", "disk"):
            return self.data.cache == "disk"
        size = sum(values.nbytes for values in first.values.values()) / len(first.rows) * scan.kept
        return size > memory_limit(once=self.once)

    # On disk --------------------------------------------------------------------------------------

    def _make_entry(self, source: _Preparation, key: CacheKey) -> PreparedSource:
        """Examples as an entry of the cache, which another process may have made meanwhile."""
        differs, damaged = cache.nearest_difference(key), cache.is_damaged(key)
        explanation = replace(_explained(key, "disk", differs=differs), damaged=damaged)
        known = len(source.findings.diagnostics)
        try:
            with cache.writing(key) as writer:
                entry = cache.find(key)
                if entry is None:
                    made = source.write(writer.array, explanation)
                    if len(source.findings.diagnostics) > known or _has_text(made):
                        return made  # an entry holds neither what was found nor text
                    _commit(writer, key, made)
                    entry = cache.find(key)
        except OSError as error:
            raise _not_written(error) from None
        if entry is None:
            raise RunError.of(
                "MS632",
                f"what was just written to `{cache.folder()}` cannot be read again",
                help="name another folder with `MODELSPEC_CACHE`, or write `cache: off`",
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
        """What the prepared data of a source are determined by."""
        typed = typed_graph(self.compiled)
        features = self.binding.features
        return CacheKey(
            table.name,
            {
                "source": table.fingerprint,
                # Left out where every setting has its default, as in the keys of earlier versions.
                **({"settings": dict(table.settings)} if table.settings else {}),
                "columns": {"/".join(key): bound.feature() for key, bound in features.items()},
                **self._window(),
                **vocabularies(features.values()),
                "weights": self.data.weights,
                # Left out where nothing is expected, as in the keys of earlier versions.
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
        """What makes windows of the rows, and where the parts end that earlier rows are looked up
        in; nothing where each row is an example, as in the keys of earlier versions.
        """
        window, split = self.data.window, self.data.split
        if window is None:
            return {}
        facts = split.facts() if split is not None else None
        return {"window": {**window.model_dump(), "split": facts}}

    def _learned(self, table: Table, state: State | None) -> Any:
        """What was learned; where the source is the one that is trained on, what it is learned
        from, as the key is asked for before anything is learned.
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
        loss = loss_of(self.compiled.training, name)
        axis = getattr(loss, "axis", None)
        kind = f"{loss.kind()} {getattr(loss, 'targets', '')} {axis}" if loss else ""
        output = typed_graph(self.compiled).outputs[name]
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
    """A source that is being prepared: its blocks, and what is needed to write them to arrays."""

    scan: Scan
    pipes: Mapping[Key, Pipeline]
    compiled: Compiled
    findings: Findings
    blocks: Iterator[Block]
    state: State

    def write(self, make: MakeArray, explanation: Explanation) -> PreparedSource:
        """Every block, written to arrays that `make` makes. Raises `DataError` and `RunError`."""
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
    """Makes an entry of what was written. Raises `OSError`."""
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
            "free some room, name another folder with `MODELSPEC_CACHE`, or write `cache: memory`"
        ),
    )


def _in_memory(name: str, shape: tuple[int, ...], dtype: Any) -> Array:
    return np.empty(shape, dtype)


def release(array: Array) -> None:
    """Lets go of the memory that a memory map has touched; the pages stay in the system's own
    cache.
    """
    held = getattr(array, "_mmap", None)
    if held is not None:
        with suppress(ValueError, OSError):
            held.madvise(mmap.MADV_DONTNEED)
