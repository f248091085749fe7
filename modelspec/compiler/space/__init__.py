"""The space of a sweep: the values of its trials, and the specs that they give.

conditions    the order of the parameters, and whether a trial sets one (`when`)
trials        the spec of a trial, compiled from the document that is already parsed
combinations  the trials of a grid, and those that are checked
blame         which value makes trials invalid
checking      every fault of the space, before anything runs
folds         cross-validation: the folds of the split, and what they predict together
"""

from __future__ import annotations

from .checking import SpaceReport, check_space, with_space
from .combinations import grid, grid_size
from .folds import Fold, OutOfFold, OverFolds, folds_of, in_order, over_folds
from .trials import Space, identity, resolved_with, space_of

__all__ = [
    "Fold",
    "OutOfFold",
    "OverFolds",
    "Space",
    "SpaceReport",
    "check_space",
    "folds_of",
    "grid",
    "grid_size",
    "identity",
    "in_order",
    "over_folds",
    "resolved_with",
    "space_of",
    "with_space",
]
