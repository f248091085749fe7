"""The functions that an unknown name of a formula may mean."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from modelspec.core.diagnostics import Fault, listed, nearest

from .grammar import Grammar
from .tree import Place

_MEANT: Final = {
    "argpartition": "top_k",
    "broadcast_to": "repeat",
    "concat": "concatenate",
    "cosine": "cosine_similarity",
    "dot": "matmul",
    "extract_sequences": "patches",
    "fft": "rfft",
    "gather_nd": "gather",
    "ifft": "irfft",
    "interpolate": "resize",
    "linspace": "arange",
    "norm": "normalize",
    "permute": "transpose",
    "pixel_shuffle": "depth_to_space",
    "pixel_unshuffle": "space_to_depth",
    "pow": "power",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_min": "min",
    "reduce_sum": "sum",
    "scatter": "segment_sum",
    "split": "reshape",
    "swish": "silu",
    "tensordot": "einsum",
    "topk": "top_k",
    "unsorted_segment_sum": "segment_sum",
}
"""The functions for names of other libraries, which are not similar in spelling."""
_SIMILAR: Final = 0.5


def unknown_function(name: str, known: Iterable[str], grammar: Grammar, where: Place) -> Fault:
    """MS142 with the nearest function, or the most similar ones."""
    names = list(known)
    meant = _MEANT.get(name)
    near = meant if meant in names else nearest(name, names)
    return Fault(
        "MS142",
        f"unknown function `{name}`",
        part=where,
        help=f"did you mean `{near}`?" if near else _help(name, names, grammar),
        suggestion=near,
    )


def _help(name: str, names: list[str], grammar: Grammar) -> str:
    page = "Expression" if grammar.tensors else "LearningRateScheduler"
    all_of_them = f"`modelspec explain {page}` lists the functions"
    similar = get_close_matches(name[:50], names, n=3, cutoff=_SIMILAR)
    if not similar:
        return all_of_them
    return f"the most similar names are {listed(sorted(similar))}; {all_of_them}"
