"""The inputs of a table: how the columns of each role are prepared, and what the model does with
them first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from modelspec.compiler.spec.column_names import columns_of, escaped, is_pattern
from modelspec.core.diagnostics import listed

from .profile import Profile
from .roles import FREQUENT, Role
from .writing import Entry, Written, group, item, keyed

_MOST_TOKENS = 20_000
_LONGEST = 400
"""The most tokens of a text that are read."""
_UNKNOWN = "unknown"


class Input(NamedTuple):
    """One input of the model."""

    name: str
    declared: Entry
    """Its shape, in `model.inputs`."""
    feature: Entry
    """Its column and how it is prepared, in `data.inputs`."""
    layers: tuple[Entry, ...] = ()
    """The layers that turn it into a vector, if it is not one."""
    vector: str = ""
    """The name of that vector; the input itself by default."""
    width: int = 0
    """The size of the vector."""

    @property
    def output(self) -> str:
        return self.vector or self.name


RESERVED = frozenset({"target", "input"})
"""Names with a meaning in specs."""


class Names:
    """Names for inputs and layers: valid ones, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {*RESERVED, *taken}

    def new(self, wanted: str) -> str:
        """A free name like `wanted`."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "column"
        base = f"column_{base}" if base[0].isdigit() else base
        name, number = base, 2
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._taken.add(name)
        return name


def inputs_of(roles: Sequence[Role], kind: str, names: Names, *, by_time: bool) -> list[Input]:
    """The inputs of a table that a source of `kind` reads."""
    found: list[Input] = []
    for part, name in (("number", "numbers"), ("skewed", "skewed_numbers")):
        found += _numbers([role.profile for role in roles if role.kind == part], part, name, names)
    first = True
    for role in roles:
        if role.kind == "one_hot":
            found.append(_one_hot(role, kind, names, explained=first))
            first = False
        elif role.kind == "embedding":
            found.append(_embedding(role, kind, names))
        elif role.kind == "text":
            found.append(_text(role, names))
        elif role.kind == "date":
            found += _date(role, names, by_time=by_time)
    return found


# Numbers ------------------------------------------------------------------------------------------


def _numbers(columns: Sequence[Profile], part: str, name: str, names: Names) -> Iterator[Input]:
    """One input for all columns in plain format, and one for each column that has its own."""
    plain = [one for one in columns if not one.number]
    for some in (plain, *([one] for one in columns if one.number)):
        if some:
            yield _stacked(some, part, names.new(name if some is plain else some[0].name))


def _stacked(columns: Sequence[Profile], part: str, name: str) -> Input:
    entries = [_columns(columns)]
    if columns[0].number:
        entries.append(Entry(columns[0].number, "how the cells are written"))
    lacking = [one for one in columns if one.missing]
    if lacking:
        rows = f"{lacking[0].missing:,}" if len(lacking) == 1 else "some"
        what = listed([one.name for one in lacking], "or")
        entries.append(keyed("missing", "median", f"{rows} rows have no {what}"))
    entries.append(_scaled(part))
    reason = "numbers"
    return Input(
        name,
        keyed(name, [len(columns)]),
        group(name, entries, "" if part == "number" else f"{reason} with a few very large values"),
        width=len(columns),
    )


def _scaled(part: str) -> Entry:
    if part == "number":
        return keyed("transform", ["Normalization"], "mean 0, deviation 1 in the training part")
    logarithm = {"Expression": Written('"sign(x) * log1p(abs(x))"')}
    why = "logarithms, so that the large values do not dominate; then mean 0, deviation 1"
    return keyed("transform", [logarithm, "Normalization"], why)


def _columns(columns: Sequence[Profile]) -> Entry:
    names = [one.name for one in columns]
    if len(names) == 1:
        return keyed("column", names[0])
    return keyed("columns", _ranges(names))


def _ranges(names: Sequence[str]) -> list[str]:
    """The names, runs of numbered ones as ranges: `V1..V28`."""
    found: list[str] = []
    at = 0
    while at < len(names):
        length = _run(names[at:])
        if length > 2:
            found.append(f"{names[at]}..{names[at + length - 1]}")
        else:
            length = 1
            found.append(_written_name(names[at]))
        at += length
    return found


def _run(names: Sequence[str]) -> int:
    """How many names at the beginning one range has."""
    match = re.fullmatch(r"(.*?)([0-9]+)", names[0], re.DOTALL)
    if match is None or is_pattern(match[1]) or ".." in names[0]:
        return 1
    start = int(match[2])
    count = 1
    for count in range(2, len(names) + 1):
        last = f"{match[1]}{start + count - 1:0{len(match[2])}}"
        if names[count - 1] != last:
            return count - 1
    whole = columns_of(f"{names[0]}..{names[count - 1]}")
    return count if whole == tuple(names[:count]) else 1


def _written_name(name: str) -> str:
    """A name in a list of columns, where `*` would be a pattern."""
    return escaped(name)


# Categories ---------------------------------------------------------------------------------------


def _lookup(one: Profile, kind: str) -> str:
    """The layer that looks values up: cells of `csv` are strings as they are written."""
    return "IntegerLookup" if one.kind == "number" and kind != "csv" else "StringLookup"


def _category(role: Role, kind: str) -> list[Entry]:
    """The column of a category, and what replaces missing values."""
    one = role.profile
    entries = [keyed("column", one.name, role.reason)]
    if not one.missing:
        return entries
    rows = f"{one.missing:,} rows have no value"
    if _lookup(one, kind) == "IntegerLookup":
        return [*entries, keyed("missing", "most_frequent", rows)]
    fill = _UNKNOWN if _UNKNOWN not in one.labels else "no value"
    return [*entries, keyed("missing", fill, f"{rows}, a category of its own")]


def _one_hot(role: Role, kind: str, names: Names, *, explained: bool) -> Input:
    name = names.new(role.name)
    layer = {_lookup(role.profile, kind): {"output_mode": "one_hot"}}
    entries = [*_category(role, kind), keyed("transform", [layer])]
    why = "a number for each category, and one for unknown ones" if explained else ""
    return Input(
        name,
        keyed(name, [Written("auto")], why),
        group(name, entries),
        width=role.profile.distinct + 1,
    )


def _embedding(role: Role, kind: str, names: Names) -> Input:
    one = role.profile
    name, vector, flat = (names.new(f"{role.name}{end}") for end in ("", "_vector", "_flat"))
    frequent = int(np.count_nonzero(one.counts >= FREQUENT))
    tokens = min(frequent + 1, _MOST_TOKENS)
    size = int(min(32, max(4, round(1.6 * tokens**0.4))))
    layer = {_lookup(one, kind): {"max_tokens": tokens}}
    why = f"the values with at least {FREQUENT} rows; index 0 is all others"
    return Input(
        name,
        keyed(name, {"shape": [1], "dtype": "int32"}, "the index of a category"),
        group(name, [*_category(role, kind), keyed("transform", [layer], why)]),
        (
            item(
                {
                    "Embedding": {
                        "input_dim": tokens,
                        "output_dim": size,
                        "from": name,
                        "name": vector,
                    }
                },
                "a learned vector for each category",
            ),
            item({"Flatten": {"name": flat}}),
        ),
        flat,
        size,
    )


# Texts --------------------------------------------------------------------------------------------


def _text(role: Role, names: Names) -> Input:
    one = role.profile
    name, words, vector = (names.new(f"{role.name}{end}") for end in ("", "_words", "_mean"))
    length = int(np.quantile(one.words, 0.95)) * 2
    length = max(8, min(_LONGEST, -(-length // 8) * 8))
    tokens = tokens_of(one)
    layer = {
        "TextVectorization": {
            "max_tokens": tokens,
            "ngrams": 2,
            "output_sequence_length": length,
        }
    }
    entries = [keyed("column", one.name, role.reason)]
    if one.missing:
        entries.append(keyed("missing", _UNKNOWN, f"{one.missing:,} rows have no text"))
    if not all(text.isascii() for text in one.known.tolist()):
        why = "letters of all alphabets; the layer itself lowers A to Z only"
        entries.append(keyed("lowercase", "unicode", why))
    why = f"words and pairs of words; 95% of the texts have at most {length} of them"
    entries.append(keyed("transform", [layer], why))
    embedding = {
        "input_dim": tokens,
        "output_dim": 32,
        "from": name,
        "name": words,
    }
    return Input(
        name,
        keyed(name, {"shape": [length], "dtype": "int32"}, "indices of words"),
        group(name, entries),
        (
            item({"Embedding": embedding}, "a learned vector for each word, and for padding"),
            item(
                {"GlobalAveragePooling1D": {"name": vector}},
                "their mean: with few texts, which words occur matters more than their order",
            ),
        ),
        vector,
        32,
    )


def tokens_of(one: Profile) -> int:
    """The size of a vocabulary: words and pairs of words that occur in at least two texts."""
    once: set[str] = set()
    twice: set[str] = set()
    for text in one.known.tolist():
        words = re.sub(r"[^\w\s]", "", text.lower()).split()
        pairs = (f"{a} {b}" for a, b in pairwise(words))
        here = {*words, *pairs}
        twice |= here & once
        once |= here
    return int(min(_MOST_TOKENS, max(100, len(twice) + 2)))


# Dates --------------------------------------------------------------------------------------------


def _date(role: Role, names: Names, *, by_time: bool) -> Iterator[Input]:
    """Parts that repeat, as angles; and the year, unless the later years are for the test."""
    one = role.profile
    cyclic = _cyclic_parts(one)
    if cyclic:
        name = names.new(role.name)
        layer = {"DateParts": {"parts": cyclic, "cyclic": True}}
        entries = [*_dated(one), keyed("transform", [layer])]
        why = "sine and cosine of each part, so that December is next to January"
        width = 2 * len(cyclic)
        yield Input(name, keyed(name, [width]), group(name, entries, why), width=width)
    if _years(one) >= 2 and not by_time:
        name = names.new(f"{role.name}_year")
        entries = [*_dated(one), keyed("transform", [{"DateParts": ["year"]}, "Normalization"])]
        yield Input(name, keyed(name, [1]), group(name, entries), width=1)


def _dated(one: Profile) -> list[Entry]:
    entries = [keyed("column", one.name)]
    if one.missing:
        entries.append(keyed("missing", "most_frequent", f"{one.missing:,} rows have no date"))
    return entries


def _years(one: Profile) -> int:
    return len({str(text).strip()[:4] for text in one.known.tolist()})


def _cyclic_parts(one: Profile) -> list[str]:
    """The parts that vary, and repeat in the data."""
    texts = [str(text).strip() for text in one.known.tolist()]
    parts = []
    if len({text[5:7] for text in texts}) > 1:
        parts.append("month")
    if len({text[:10] for text in texts}) > 7 and all(len(text) >= 10 for text in texts):
        parts.append("weekday")
    if len({text[11:13] for text in texts}) > 1:
        parts.append("hour")
    return parts
