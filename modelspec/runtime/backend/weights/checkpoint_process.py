"""The arrays of a TensorFlow checkpoint, read in a process of its own, which may crash.

Run as a module with the beginning of the checkpoint's file names, this is that process: it prints
a line of JSON, `{"arrays": [[layer, name, dtype, shape], ...]}` or `{"broken": reason}`, then the
bytes of the arrays. The checkpoint is a table of numbers: no program is loaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from modelspec.core import sandbox

_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_LAYERS = "layer"
_DTYPES = ("float32", "float64", "float16", "int32", "int64", "bool")
_MOST_LAYERS = 10_000


def arrays_of(prefix: str) -> tuple[list[list[Any]], list[Any]]:
    """The layer, the name, the dtype and the shape of each array, and the arrays."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.core.protobuf import trackable_object_graph_pb2 as protocol

    reader = tf.train.load_checkpoint(prefix)
    graph = protocol.TrackableObjectGraph.FromString(reader.get_tensor(_GRAPH))
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    most = sum(path.stat().st_size for path in Path(prefix).parent.glob("variables.data-*"))
    rows: list[list[Any]] = []
    found: list[Any] = []
    for layer, name, key in _variables(graph):
        if key not in shapes or dtypes[key].name not in _DTYPES:
            continue
        claimed = int(np.prod(shapes[key], dtype="int64")) * dtypes[key].size
        if claimed > most:
            raise ValueError(f"`{name}` claims {claimed:,} bytes, but {most:,} are stored")
        values = np.ascontiguousarray(reader.get_tensor(key))
        rows.append([layer, name, values.dtype.str, list(shapes[key])])
        found.append(values)
    return rows, found


def _variables(graph: Any) -> Iterator[tuple[str, str, str]]:
    """The layer, the name and the key of each variable of the layers of a model, in the order of
    the weights of the layer.
    """
    seen: set[int] = set()
    for child in list(graph.nodes[0].children)[:_MOST_LAYERS]:
        is_layer = child.local_name.startswith(_LAYERS) and child.node_id not in seen
        if not is_layer or child.node_id >= len(graph.nodes):
            continue
        seen.add(child.node_id)
        listed = {one.local_name: one.node_id for one in graph.nodes[child.node_id].children}
        if "variables" not in listed:
            continue
        items = {one.local_name: one.node_id for one in graph.nodes[listed["variables"]].children}
        for number in sorted(int(name) for name in items if name.isdecimal()):
            for attribute in graph.nodes[items[str(number)]].attributes[:1]:
                yield child.local_name, attribute.full_name, attribute.checkpoint_key


def main() -> None:
    """Prints the arrays of the checkpoint of the argument, or the error."""
    import tensorflow as tf  # before the limits: imports may write compiled files

    sandbox.limit()
    sandbox.limit_time()
    answers = sys.stdout.buffer
    try:
        rows, found = arrays_of(sys.argv[1])
    except (tf.errors.OpError, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        answers.write(json.dumps({"broken": reason[:200]}).encode() + b"\n")
        return
    answers.write(json.dumps({"arrays": rows}).encode() + b"\n")
    for values in found:
        answers.write(values.reshape(-1).view("uint8").data)


if __name__ == "__main__":
    main()
