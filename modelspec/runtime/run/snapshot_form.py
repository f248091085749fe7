"""Whether the state in a checkpoint has the form that a training writes: its file may be from
anybody, with hashes that fit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

_MOST: Final = 2**53
"""The largest count."""
_WORDS: Final = 625
"""The words of the state of Python's generator of random numbers."""
_Check = Callable[[Any], bool]


def has_form(state: Mapping[str, Any], tensors: Mapping[str, Any], position: int) -> bool:
    """Whether the state of a training, its tensors and its position can be restored."""
    if not all(check(state.get(name)) for name, check in _STATE.items()):
        return False
    words = tensors.get("random/python")
    if not _is_count(position) or words is None or words.shape != (_WORDS,):
        return False
    if words.dtype.kind != "u" or int(words.max()) >= 2**32 or int(words[-1]) >= _WORDS:
        return False
    stage = state.get("stage")
    return stage is None or _is_stage(stage)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


def _is_value(value: Any) -> bool:
    """A number of a history: NaN and infinities are strings in a mapping."""
    if isinstance(value, dict):
        return value.keys() == {"float"} and value["float"] in ("nan", "inf", "-inf")
    return value is None or _is_number(value)


def _list_of(check: _Check) -> _Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _is_row(text: Any) -> bool:
    """A row of the history, as JSON text."""
    try:
        row = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return False
    return isinstance(row, dict) and all(map(_is_value, row.values()))


def _is_history(value: Any) -> bool:
    if not isinstance(value, dict) or not _list_of(_is_row)(value.get("rows")):
        return False
    count, stages = len(value["rows"]), value.get("stages")
    if not _list_of(_is_number)(value.get("seconds")) or len(value["seconds"]) != count:
        return False
    named = _list_of(lambda one: one is None or isinstance(one, str))
    fits = not stages or (named(stages) and len(stages) == count)
    return fits and _is_number(value.get("running"))


def _is_place(value: Any) -> bool:
    """An epoch and a step."""
    return _list_of(_is_count)(value) and len(value) == 2


def _are_numbers(value: Any) -> bool:
    """What a training knows about steps that it left out."""
    known = isinstance(value, dict) and _list_of(_is_place)(value.get("left_out"))
    return known and _is_count(value.get("in_a_row"))


def _is_callback(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return False
    files = value.get("files")
    sized = files is None or (isinstance(files, dict) and all(map(_is_count, files.values())))
    return sized and isinstance(value.get("values"), dict)


def _is_random(value: Any) -> bool:
    """The version of Python's generator, and its second normal number, if it has one."""
    found = value.get("python") if isinstance(value, dict) else None
    if not isinstance(found, list) or len(found) != 2 or found[0] != 3:
        return False
    return found[1] is None or _is_number(found[1])


def _is_stage(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    counts = ("stage", "epoch", "position", "optimizer")
    ended = _list_of(_is_ended_stage)(value.get("ended"))
    return ended and all(_is_count(value.get(name)) for name in counts)


def _is_ended_stage(value: Any) -> bool:
    """How a stage ended: its name, epochs, and the callback that ended it."""
    known = {"name", "epochs", "planned", "stopped_by"}
    if not isinstance(value, dict) or not value.keys() <= known:
        return False
    texts = [value.get("name"), value.get("stopped_by", "")]
    counts = [value.get("epochs"), value.get("planned")]
    return all(isinstance(one, str) for one in texts) and all(map(_is_count, counts))


_STATE: Final[Mapping[str, _Check]] = {
    "epoch": _is_count,
    "step": _is_count,
    "seconds": _is_number,
    "history": _is_history,
    "numbers": _are_numbers,
    "callbacks": _list_of(_is_callback),
    "random": _is_random,
}
"""By entry of the state: its form."""
