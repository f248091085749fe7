"""Formulas: arithmetic on tensors and numbers, written as text: `tanh(a) * sigmoid(b)`.

    parse     text            -> Formula     a part of Python's grammar; Keras's names of functions
    infer     Formula, types  -> Inferred    the shape and dtype of every step, without a framework
    evaluate  Formula, values -> number      for a formula on numbers alone (a learning rate)

A formula is data: it cannot call Python code, and its cost is bounded by its length.
"""

from __future__ import annotations

from .grammar import NUMBERS, TENSORS
from .parser import parse
from .scalars import evaluate
from .tree import Formula
from .type_inference import Inferred, infer

__all__ = ["NUMBERS", "TENSORS", "Formula", "Inferred", "evaluate", "infer", "parse"]
