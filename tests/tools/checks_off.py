"""Shape rules that refuse no dtype, to compare their refusals with Keras."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from modelspec.catalog.layers import calls
from modelspec.compiler.infer.running_dtypes import RunningDtypes

_RULES = ("need_float", "need_no_booleans", "_need_kernel")


@contextmanager
def without_checks_of_dtypes() -> Iterator[None]:
    """Inside this context no layer refuses integers, booleans, or dtypes without a kernel."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.startswith(calls.__package__ or ""):
                for rule in _RULES:
                    if hasattr(module, rule):
                        stack.enter_context(patch.object(module, rule, _nothing))
        stack.enter_context(patch.object(RunningDtypes, "check", _nothing))
        yield


def _nothing(*_: Any, **__: Any) -> None:
    """Refuses nothing."""
