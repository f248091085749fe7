"""A Keras model to ONNX, by tf2onnx."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelspec.core.quiet_warnings import ignoring

from ..backend.native_output import quiet
from ..data.table import Array
from .checked_batches import Batch
from .job import Job
from .raw_inputs import identifier
from .serving_model import predicted, serving_model
from .written import Outputs, Written


def write_onnx(job: Job, path: Path, inside: bool) -> Written:
    """The file; `inside` states whether it prepares its inputs."""
    if any(getattr(layer, "stateful", False) for layer in job.model._flatten_layers()):
        raise ValueError("it cannot keep state between batches, as a `stateful` layer does")
    model = serving_model(job) if inside else job.model
    batch = job.batches[0]
    predicted(model, job.raw(batch) if inside else batch.inputs)  # Keras exports called models
    with quiet(), ignoring():
        model.export(str(path), format="onnx", verbose=False)
    inputs = tuple(job.preparing.raw if inside else job.typed.inputs)
    _mend(path, inputs, job.outputs)
    return Written(
        lambda: _Session(job, path, inside),
        inside,
        job.one_length if inside else (),
        inputs,
        job.outputs,
        note=lambda text: _note(path, text),
    )


class _Session:
    """An open ONNX file."""

    def __init__(self, job: Job, path: Path, inside: bool) -> None:
        import onnxruntime

        self._job = job
        self._inside = inside
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors are also raised
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, batch: Batch) -> Outputs:
        values: Mapping[str, Array] = self._job.raw(batch) if self._inside else batch.inputs
        names = list(self._job.outputs)
        found = self._session.run(
            names, {name: np.ascontiguousarray(one) for name, one in values.items()}
        )
        return dict(zip(names, found, strict=True))


# The file -----------------------------------------------------------------------------------------


def _mend(path: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Gives the file the names of the model, and operations that ONNX has."""
    import onnx

    held = onnx.load(str(path))
    _without_erfc(held.graph)
    _rename(held.graph, _as_named(held.graph.input, inputs), _as_named(held.graph.output, outputs))
    onnx.save(held, str(path))


def _note(path: Path, text: str) -> None:
    import onnx

    held = onnx.load(str(path))
    entry = held.metadata_props.add()
    entry.key, entry.value = "modelspec", text
    onnx.save(held, str(path))


def _as_named(values: Any, names: tuple[str, ...]) -> dict[str, str]:
    """The name of each input, or output, by the name from the converter: the original name without
    the converter's changes, otherwise assigned by position.
    """
    given = [one.name for one in values]
    plain = {one: identifier(one.split(":")[0]) for one in given}
    wanted = {identifier(name): name for name in names}
    if len(wanted) == len(names) and sorted(plain.values()) == sorted(wanted):
        return {one: wanted[plain[one]] for one in given}
    if len(given) != len(names):
        raise ValueError("its converter stores lookup tables outside of the file")
    # Keras returns several in the order of their names.
    ordered = names if len(names) == 1 else tuple(sorted(names))
    return dict(zip(given, ordered, strict=True))


def _rename(graph: Any, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> None:
    """Renames tensors everywhere; inner tensors with a new name are renamed as well."""
    new = {**inputs, **outputs}
    for name in set(inputs).intersection(outputs):  # an input that is returned unchanged
        raise ValueError(f"`{name}` is both an input and an output")
    taken = set(new.values()) - set(new)
    known = {**{name: f"{name}__inner" for name in taken}, **new}
    for one in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        one.name = known.get(one.name, one.name)
    _rename_nodes(graph, known)


def _rename_nodes(graph: Any, known: Mapping[str, str]) -> None:
    """The input and output names of nodes, including those in the bodies of loops and branches."""
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [known.get(name, name) for name in names]
        for attribute in node.attribute:
            for inner in (*((attribute.g,) if attribute.HasField("g") else ()), *attribute.graphs):
                _rename_nodes(inner, known)
                for one in (*inner.input, *inner.output, *inner.value_info, *inner.initializer):
                    one.name = known.get(one.name, one.name)


def _without_erfc(graph: Any) -> None:
    """`Erfc`, with which `gelu` is computed, is not an ONNX operation: it becomes `1 - Erf`."""
    from onnx import TensorProto, helper

    if not any(node.op_type == "Erfc" for node in graph.node):
        return
    one = "modelspec_one"
    graph.initializer.append(helper.make_tensor(one, TensorProto.FLOAT, [], [1.0]))
    nodes = []
    for node in graph.node:
        if node.op_type == "Erfc":
            inner = f"{node.output[0]}_erf"
            nodes += [
                helper.make_node("Erf", list(node.input), [inner]),
                helper.make_node("Sub", [one, inner], list(node.output)),
            ]
        else:
            nodes.append(node)
    kept = [
        type(node).FromString(node.SerializeToString()) for node in nodes
    ]  # those of the graph itself are in its list
    del graph.node[:]
    graph.node.extend(kept)
