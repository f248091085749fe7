"""The memory of training, and the largest batch size for a limit: for people and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelspec.compiler.infer.memory import Memory, NotKnown, estimated_memory, largest_memory

from .numbers import in_bytes

if TYPE_CHECKING:
    from modelspec.compiler.infer import TypedGraph
    from modelspec.compiler.infer.stage_graphs import StageGraph
    from modelspec.compiler.spec.training_section import Training

_LARGEST = 10
"""Maximum number of layers in the output for programs."""


def memory_view(
    graph: TypedGraph,
    training: Training | None,
    stages: Sequence[StageGraph],
    limit: int | None = None,
) -> MemoryView:
    """The estimate of what a training takes: with stages, that of the largest one."""
    found = largest_memory(stages) if stages else estimated_memory(graph, training)
    return MemoryView(found, limit)


@dataclass(frozen=True)
class MemoryView:
    """An estimate, and with `limit` (bytes) the largest batch that fits."""

    found: Memory | NotKnown
    limit: int | None = None

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The lines of the totals, each with its name."""
        if isinstance(self.found, NotKnown):
            return [("memory", f"not known: {self.found.reason}")]
        lines = [("memory", _parts(self.found))]
        return lines if self.limit is None else [*lines, ("batch size", self._fit(self.found))]

    def _fit(self, memory: Memory) -> str:
        assert self.limit is not None
        count, room = memory.largest_batch(self.limit), in_bytes(self.limit)
        if count is None:
            return (
                f"the model has a fixed batch size, so the memory does not change:"
                f" {in_bytes(memory.total)}"
            )
        if not count:
            return f"batch size 1 does not fit into {room}: it needs {in_bytes(memory.at(1).total)}"
        return f"at most {count:,} in {room}: {_each(memory.at(count))}"

    @property
    def record(self) -> dict[str, Any]:
        """The same as plain values, sizes in bytes."""
        if isinstance(self.found, NotKnown):
            return {"total": None, "reason": self.found.reason}
        largest = [{"layer": name, "bytes": size} for name, size in self.found.largest[:_LARGEST]]
        plain = {**_record(self.found), "largest": largest}
        if self.limit is None:
            return plain
        count = self.found.largest_batch(self.limit)
        fit = None if not count else _record(self.found.at(count))
        return {**plain, "fit": {"limit": self.limit, "largest_batch": fit}}


def _parts(memory: Memory) -> str:
    of = f"at batch size {memory.batch_size:,}" if memory.trained else "for one example"
    of += f" in stage `{memory.stage}`" if memory.stage is not None else ""
    return f"{in_bytes(memory.total)} {of}: {_each(memory)}"


def _each(memory: Memory) -> str:
    parts = [("weights", memory.weights)]
    if memory.trained:
        parts += [("gradients", memory.gradients), ("optimizer", memory.slots)]
    parts.append(("activations", memory.activations))
    return ", ".join(f"{name} {in_bytes(size)}" for name, size in parts)


def _record(memory: Memory) -> dict[str, Any]:
    return {
        "batch_size": memory.batch_size,
        "total": memory.total,
        "weights": memory.weights,
        "gradients": memory.gradients,
        "optimizer": memory.slots,
        "activations": memory.activations,
    }
