"""Formulas: arithmetic on tensors, and on numbers, written as text: `tanh(a) * sigmoid(b)`.

    parse     text            -> Formula     a part of Python's grammar; Keras's names of functions
    infer     Formula, types  -> Inferred    the shape and dtype of every step, without a framework
    evaluate  Formula, values -> number      for a formula on numbers alone (a learning rate)

A formula is data: nothing in it can name Python code, and what it does is bounded by its text.
"""

from __future__ import annotations

from .grammar import NUMBERS, TENSORS
from .parser import parse
from .scalars import evaluate
from .tree import Formula
from .type_inference import Inferred, infer

__all__ = ["NUMBERS", "TENSORS", "Formula", "Inferred", "evaluate", "infer", "parse"]
