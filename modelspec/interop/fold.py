"""Repeated structure as a person would write it: a block for what comes back, a loop for what follows on itself.

Greedy: the repetition that saves most lines is folded first, then what is left is looked at again, so that blocks come
to be made of blocks. Nothing here has to be believed: the caller compiles both specs and compares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from ..layers import LAYERS
from .branches import as_branches, is_step
from .statements import Atom, Named, Statement, leaves
from .unify import Different, Parameters, name_text, prefix_of, settings_vectors

_LONGEST = 24
"""Atoms of a block, or of a loop's body."""
_FRAME = 4
"""Lines that a block takes beside its layers."""


@dataclass(frozen=True)
class Loop:
    """A `for` around entries."""

    variable: str
    values: Any
    index: str | None
    body: tuple[Atom, ...]


Part: TypeAlias = "Atom | Loop"


@dataclass(frozen=True)
class Block:
    """A block of the spec."""

    name: str
    parameters: Mapping[str, Any]
    """With their defaults; None: required."""
    body: tuple[Part, ...]


@dataclass
class Folded:
    """A model's layers, folded."""

    blocks: dict[str, Block] = field(default_factory=dict)
    body: tuple[Part, ...] = ()


def fold(atoms: Sequence[Atom], fixed: set[str], names: set[str], kinds: set[str]) -> Folded:
    """The atoms with what repeats in blocks and loops.

    `fixed` are names of statements that something else refers to, `names` all that there are; `kinds` are names that a
    block cannot have.
    """
    folder = _Folder(fixed, names, kinds)
    left = tuple(atoms)
    while (found := folder.block(left)) is not None:
        left = found
    blocks = {name: replace(block, body=tuple(folder.loops(block.body))) for name, block in folder.blocks.items()}
    return Folded(blocks, tuple(folder.loops(left)))


class _Window(NamedTuple):
    """A stretch of atoms that occurs several times."""

    length: int
    starts: tuple[int, ...]
    prefixes: tuple[str | None, ...]
    """The name that each occurrence gives its block."""
    gain: int
    key: object


class _Folder:
    def __init__(self, fixed: set[str], names: set[str], kinds: set[str]) -> None:
        self.fixed = fixed
        self.names = names
        self.taken = names | kinds
        self.blocks: dict[str, Block] = {}
        self.refused: set[object] = set()

    # Blocks ----------------------------------------------------------------------------------------------------------

    def block(self, left: tuple[Atom, ...]) -> tuple[Atom, ...] | None:
        """The atoms with the repetition that saves most made a block; None where there is none."""
        while (best := max(self._windows(left), key=lambda one: (one.gain, -one.length), default=None)) is not None:
            try:
                return self._made(best, left)
            except Different:
                self.refused.add(best.key)
        return None

    def _windows(self, left: tuple[Atom, ...]) -> Iterator[_Window]:
        shapes = self._shapes(left)
        for length in range(1, min(_LONGEST, len(left) // 2) + 1):
            found: dict[object, list[tuple[int, str | None]]] = {}
            for start in range(len(left) - length + 1):
                ids = shapes[start : start + length]
                if None in ids or _is_periodic(ids):
                    continue
                named = _names_of(left[start : start + length])
                if named is None or named[0] in self.names:
                    continue
                prefix, suffixes = named
                places = found.setdefault((ids, suffixes), [])
                if not places or places[-1][0] + length <= start:
                    places.append((start, prefix))
            for key, places in found.items():
                size = sum(len(atom) for atom in left[places[0][0] : places[0][0] + length])
                gain = len(places) * size - size - _FRAME - len(places)
                starts, prefixes = (tuple(column) for column in zip(*places, strict=True))
                distinct = prefixes[0] is None or len(set(prefixes)) == len(prefixes)
                if gain > 0 and size > 1 and distinct and key not in self.refused:
                    yield _Window(length, starts, prefixes, gain, key)

    def _shapes(self, left: Sequence[Part]) -> tuple[int | None, ...]:
        """A number for each atom, the same for those of one structure; None for one that cannot be moved."""
        numbers: dict[object, int] = {}
        found: list[int | None] = []
        for atom in left:
            if isinstance(atom, Loop) or self._is_tied(atom):
                found.append(None)
            else:
                found.append(numbers.setdefault(tuple(one.shape for one in atom), len(numbers)))
        return tuple(found)

    def _is_tied(self, atom: Atom) -> bool:
        """Whether something far off refers to it, or it to something."""
        return any(one.counted in self.fixed or any(isinstance(leaf, Named) for leaf in leaves(one.takes))
                   for one in atom)

    def _made(self, window: _Window, left: tuple[Atom, ...]) -> tuple[Atom, ...]:
        """The atoms with every occurrence a use of a new block. Raises `Different`."""
        occurrences = [left[start : start + window.length] for start in window.starts]
        parameters = Parameters()
        body = tuple(self._atom([one[place] for one in occurrences], parameters, window.prefixes)
                     for place in range(window.length))
        name = self._name(body, window.prefixes)
        defaults = {key: _usual(values) for key, values in parameters.vectors.items()}
        self.blocks[name] = Block(name, defaults, body)
        found = list(left)
        for number in reversed(range(len(occurrences))):
            values = {key: vector[number] for key, vector in parameters.vectors.items()}
            given = {key: value for key, value in values.items() if value != defaults[key]}
            prefix = window.prefixes[number]
            use = Statement(name, given, name=prefix, counted=prefix or f"{name}_{window.starts[number]}")
            start = window.starts[number]
            found[start : start + window.length] = [(use,)]
        return tuple(found)

    def _atom(self, atoms: list[Atom], parameters: Parameters, prefixes: Sequence[str | None]) -> Atom:
        return tuple(self._statement([atom[place] for atom in atoms], parameters, prefixes)
                     for place in range(len(atoms[0])))

    def _statement(self, ones: list[Statement], parameters: Parameters, prefixes: Sequence[str | None]) -> Statement:
        first = ones[0]
        name = first.name
        if name is not None and prefixes[0] is not None:
            name = name[len(prefixes[0]) + 1 :]
        return replace(first, name=name, counted="", settings=self._settings(ones, parameters))

    def _settings(self, ones: list[Statement], parameters: Parameters) -> dict[str, Any]:
        kind = ones[0].kind
        defaults = dict(self.blocks[kind].parameters) if kind in self.blocks else {}
        vectors = settings_vectors(kind, [one.settings for one in ones], defaults)
        return {key: parameters.text(key, values) for key, values in vectors.items()}

    def _name(self, body: Sequence[Atom], prefixes: Sequence[str | None]) -> str:
        """A name for a block: of what its uses have in common, else of what it does."""
        base = ""
        if prefixes[0] is not None and prefixes[-1] is not None:
            base = "".join(c for c in (prefix_of([one for one in prefixes if one is not None]) or prefixes[0])
                           if not c.isdigit()).strip("_- ")
        if not base:
            kinds = {one.kind for atom in body for one in atom}
            base = "residual" if "Add" in kinds else "mixed" if "Concatenate" in kinds else "block"
        number, name = 1, base
        while name in self.blocks or name in LAYERS or name in self.taken:
            number, name = number + 1, f"{base}_{number + 1}"
        return name

    # Loops -----------------------------------------------------------------------------------------------------------

    def loops(self, parts: Sequence[Part]) -> Iterator[Part]:
        """The parts with what follows on itself in loops."""
        shapes = self._shapes(parts)
        start = 0
        while start < len(parts):
            best: tuple[int, int, Loop] | None = None
            for length in range(1, min(_LONGEST, (len(parts) - start) // 2) + 1):
                found = self._loop(parts, shapes, start, length)
                if found is not None and (best is None or found[0] > best[0]):
                    best = found
            if best is None:
                yield parts[start]
                start += 1
            else:
                yield best[2]
                start += best[1]

    def _loop(self, parts: Sequence[Part], shapes: Sequence[int | None], start: int, length: int
              ) -> tuple[int, int, Loop] | None:
        """Lines saved, parts taken, and the loop with a body of `length` that begins at `start`."""
        unit = shapes[start : start + length]
        if None in unit or not all(self._needs_no_name(one) for one in parts[start : start + length]):
            return None
        count = 1
        while shapes[start + count * length : start + (count + 1) * length] == unit:
            count += 1
        atoms = [part for part in parts[start : start + count * length] if not isinstance(part, Loop)]
        size = sum(map(len, atoms[:length]))
        for rounds in range(count, 1, -1):
            gain = rounds * size - size - 2
            if gain <= 0:
                return None
            loop = self._unrolled([tuple(atoms[at * length : (at + 1) * length]) for at in range(rounds)])
            if loop is not None:
                return gain, rounds * length, loop
        return None

    @staticmethod
    def _needs_no_name(part: Part) -> bool:
        return not isinstance(part, Loop) and (is_step(part) or as_branches(part) is not None)

    def _unrolled(self, rounds: list[tuple[Atom, ...]]) -> Loop | None:
        """One loop for several rounds of the same structure; None where they have no common form."""
        try:
            parameters = Parameters()
            body = self._body(rounds, parameters)
            if len(parameters.vectors) > 1:
                parameters = Parameters(owner="each.")
                body = self._body(rounds, parameters)
        except Different:
            return None
        vectors = parameters.vectors
        counted = any("$(i" in str(one.name) or "* i" in str(one.name) for atom in body for one in atom)
        if not vectors:
            return Loop("i", f"$(range({len(rounds)}))", None, body)
        if len(vectors) == 1:
            (name, values), = vectors.items()
            return Loop(name, values, "i" if counted else None, body)
        each = [{name: values[number] for name, values in vectors.items()} for number in range(len(rounds))]
        return Loop("each", each, "i" if counted else None, body)

    def _body(self, rounds: list[tuple[Atom, ...]], parameters: Parameters) -> tuple[Atom, ...]:
        found: list[Atom] = []
        for atoms in zip(*rounds, strict=True):
            statements = []
            for ones in zip(*atoms, strict=True):
                names = [one.name for one in ones if one.name is not None]
                if names and len(names) < len(ones):
                    raise Different
                settings = self._settings(list(ones), parameters)
                name = name_text(names, "i", parameters) if names else None
                if name is not None and "$" not in name:
                    raise Different
                statements.append(replace(ones[0], settings=settings, name=name, counted=""))
            found.append(tuple(statements))
        return tuple(found)


def _is_periodic(ids: Sequence[int | None]) -> bool:
    """Whether a stretch is a shorter one several times over."""
    size = len(ids)
    return any(not size % period and ids[period:] == ids[:-period] for period in range(1, size // 2 + 1))


def _names_of(atoms: Sequence[Atom]) -> tuple[str | None, tuple[str | None, ...]] | None:
    """The prefix of the names in a stretch of atoms, and what is behind it; None where they have none in common."""
    names = [one.name for atom in atoms for one in atom]
    given = [name for name in names if name is not None]
    if not given:
        return None, tuple(names)
    prefix = prefix_of(given)
    if prefix is None:
        return None
    return prefix, tuple(name if name is None else name[len(prefix) + 1 :] for name in names)


def _usual(values: list[Any]) -> Any:
    """The value that most uses have, as a default; None where no two agree."""
    (value, count), = Counter(map(repr, values)).most_common(1)
    return next(one for one in values if repr(one) == value) if count > 1 else None
