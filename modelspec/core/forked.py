"""Detects whether this process was forked from one that had loaded TensorFlow. The threads of the
parent do not exist in the child: code that waits for them never returns.
"""

from __future__ import annotations

import os
import sys

_was_at_work = False


def tensorflow_was_at_work() -> bool:
    """Whether TensorFlow was loaded in the process that this one was forked from. Only forks after
    the import of this module are detected.
    """
    return _was_at_work


def _in_child() -> None:
    global _was_at_work
    module = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(module, "_context", None)
    _was_at_work = getattr(context, "_context_handle", None) is not None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
