"""Names that an unfinished entry may define: `- Dense: ` has no name yet, which others refer to.

An unknown name is then no second fault. It is one where it looks like a misspelling: it is used
once, and differs little from a name that is defined.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from modelspec.core.diagnostics import Diagnostic
from modelspec.core.diagnostics.derived import is_silent
from modelspec.core.diagnostics.suggest import edit_distance

from ..spec.entries import Use
from ..spec.model_section import ModelSection

CODES: Final = frozenset(
    ("MS121", "MS144", "MS301", "MS302", "MS303", "MS305", "MS314", "MS501", "MS531")
)
"""Faults of a name that is not defined."""
TENSORS: Final = frozenset(("MS144", "MS302", "MS501", "MS531"))
"""Those of tensors and layers."""
_ROUND: Final = re.compile(r"(?:_?(?:\d+|\?))+$")
"""What the rounds of a loop append to a name: numbers, and values that are not known."""
_TELLING: Final = 4
"""Names with fewer letters are all alike."""
_SLIP: Final = 2
"""The most edits of a misspelling."""


def unnamed(section: ModelSection | None) -> int:
    """How many entries of a model, and of its shared models, may lack their names."""
    if section is None:
        return 0
    uses: Iterable[Use] = section.uses
    inner = (one for one in section.shared.values() if isinstance(one, ModelSection))
    return sum(use.may_lack_name for use in uses) + sum(map(unnamed, inner))


def lost(
    found: Iterable[Diagnostic],
    most: int,
    beginnings: Iterable[str] = (),
    *,
    codes: frozenset[str] = CODES,
) -> frozenset[Diagnostic]:
    """The faults of names that unfinished text may define: at most so many names. `beginnings`
    are words that are not finished.
    """
    named: dict[str, list[Diagnostic]] = defaultdict(list)
    for one in found:
        if one.span is None or is_silent(one.span):
            continue
        if one.code in codes and not _is_of_a_part(one):
            named[name_of(one)].append(one)
    starts = tuple(beginnings)
    likely = {
        name: faults
        for name, faults in named.items()
        if (starts and name.startswith(starts)) or not _is_slip(name, faults)
    }
    if len({_ROUND.sub("", name) for name in likely}) > most:
        return frozenset()
    return frozenset(one for faults in likely.values() for one in faults)


def _is_of_a_part(one: Diagnostic) -> bool:
    """Whether it is the fault of a name inside another, that of a layer in a network of the
    library: the network is known.
    """
    quoted = re.findall(r"`([^`]+)`", one.message)
    text = one.span.text if one.span is not None else ""
    return one.code == "MS302" and len(quoted) > 1 and text == quoted[1] != quoted[0]


def name_of(one: Diagnostic) -> str:
    """The unknown name: the last one in a message about a part of another, else the first."""
    quoted = re.findall(r"`([^`]+)`", one.message)
    if not quoted:
        return ""
    return str(quoted[-1] if one.code in ("MS305", "MS501") and len(quoted) == 2 else quoted[0])


def _is_slip(name: str, faults: list[Diagnostic]) -> bool:
    """Whether an unknown name is most likely a misspelling."""
    near = faults[0].suggestion
    if len(faults) > 1 or near is None or len(name) < _TELLING:
        return False
    return edit_distance(name, near, _SLIP) <= _SLIP
