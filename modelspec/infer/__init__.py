"""Static inference: a `Graph` to a `TypedGraph`, without a framework."""

from .chain import infer_chain
from .inference import infer
from .typed import TypedCall, TypedGraph

__all__ = ["TypedCall", "TypedGraph", "infer", "infer_chain"]
