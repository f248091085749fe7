"""The graph: calls in order, every reference resolved to the tensor it names. No shapes yet.

`link` turns a `ModelSection` into a `Graph`; sub-models are graphs of their own, nested to any
depth.
"""

from .graph import ANY_INPUT, Call, Graph, Ref
from .link import interface, link

__all__ = ["ANY_INPUT", "Call", "Graph", "Ref", "interface", "link"]
