"""The color of a box: by the purpose of its layer."""

from __future__ import annotations

from .elements import Box

_BY_USE = {
    "convolution": ("#dbeafe", "#3b82f6"),
    "dense": ("#dcfce7", "#22c55e"),
    "recurrent": ("#ffedd5", "#f97316"),
    "attention": ("#fce7f3", "#ec4899"),
    "pooling": ("#ccfbf1", "#14b8a6"),
    "merging": ("#ede9fe", "#8b5cf6"),
    "activation": ("#fef9c3", "#eab308"),
    "normalization": ("#f3f4f6", "#9ca3af"),
    "frame": ("#e0e7ff", "#6366f1"),
    "input": ("#ffffff", "#111827"),
    "output": ("#ffffff", "#111827"),
    "other": ("#f8fafc", "#94a3b8"),
}
"""Fill and border."""

_USES = {
    "convolution": (
        "convolution",
        "transposed",
        "depthwise",
        "conv",
        "locally_connected",
        "conv_lstm",
    ),
    "recurrent": ("recurrent", "cells", "wrappers"),
    "attention": ("attention", "multihead", "einsum"),
    "pooling": ("pooling", "adaptive"),
    "normalization": ("normalization", "standardize"),
    "dense": ("core", "highway", "embedding"),
    "merging": ("merging",),
    "activation": ("activation",),
    "frame": ("frame",),
    "input": ("input",),
    "output": ("output",),
}
"""The families of layers (`Facts.family`) by purpose."""

_USE_OF = {family: use for use, families in _USES.items() for family in families}


def colors(box: Box) -> tuple[str, str]:
    """Fill and border of a box, as `#rrggbb`."""
    return _BY_USE[_USE_OF.get(box.family, "other")]
