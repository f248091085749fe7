"""The graph: calls in order, with every reference resolved to a tensor. Shapes are not known yet.

`link` converts a `ModelSection` to a `Graph`; sub-models are nested graphs, to any depth.
"""

from .graph import ANY_INPUT, Call, Graph, Ref
from .link import interface, link

__all__ = ["ANY_INPUT", "Call", "Graph", "Ref", "interface", "link"]
