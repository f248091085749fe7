"""The graph: calls in order, every reference resolved to the tensor it names. No shapes yet.

`link` turns a `ModelSection` into a `Graph`; sub-models are graphs of their own, nested to any depth.
"""

from .link import interface, link
from .types import ANY_INPUT, Call, Graph, Ref

__all__ = ["ANY_INPUT", "Call", "Graph", "Ref", "interface", "link"]
