"""Static inference: from a `Graph` to a `TypedGraph`, without a framework."""

from .chain import infer_chain
from .inference import MAX_LAYERS, infer
from .typed_graph import TypedCall, TypedGraph

__all__ = ["MAX_LAYERS", "TypedCall", "TypedGraph", "infer", "infer_chain"]
