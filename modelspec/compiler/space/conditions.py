"""The order of the parameters of a sweep: a condition (`when`) may use the values of others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from modelspec.core.diagnostics import Collector, Fault
from modelspec.core.source import Mapping, Node, Scalar, find, plain

from ..expand.changes import read_path
from ..expand.value_paths import Step
from ..spec.sweep_section import Parameter

_WORD = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


class Placed(NamedTuple):
    """A parameter, and where it sets its value."""

    parameter: Parameter
    steps: tuple[Step, ...]
    needs: frozenset[str] = frozenset()
    """The paths of the parameters that its condition uses."""

    @property
    def path(self) -> Scalar:
        """The path as it is written."""
        return Scalar(self.parameter.path, self.parameter.span)

    @property
    def keys(self) -> tuple[str | int, ...]:
        return tuple(step.key for step in self.steps)

    @property
    def names(self) -> tuple[str, ...]:
        """How a condition names its value: a variable by its name, another by its path."""
        keys = self.keys[1:] if self.keys[0] == "vars" else self.keys
        return tuple(map(str, keys))


def placed(parameters: Iterable[Parameter], root: Mapping, report: Collector) -> tuple[Placed, ...]:
    """The parameters in an order in which a condition uses earlier ones only, as near to the
    written order as possible. Invalid paths, paths that are used twice, and conditions that depend
    on each other are reported.
    """
    found: list[Placed] = []
    for one in parameters:
        try:
            steps = read_path(one.path, one.span)
        except Fault as fault:
            report.report(fault, one.span)
            continue
        keys = tuple(step.key for step in steps)
        if any(other.keys == keys for other in found):
            message = f"`{one.path}` is a parameter twice"
            report.error("MS906", message, one.span, help="remove one of them")
            continue
        found.append(Placed(one, steps))
    return _in_order(found, root, report)


def _in_order(found: list[Placed], root: Mapping, report: Collector) -> tuple[Placed, ...]:
    """Sorted by their dependencies; a cycle is reported (MS904)."""
    words = _Words(root, {".".join(one.names) for one in found})
    needs = {
        one.parameter.path: {
            other.parameter.path for other in found if words.uses(one.parameter.when, other)
        }
        for one in found
    }
    done: list[Placed] = []
    left = list(found)
    while left:
        known = {one.parameter.path for one in done}
        ready = next((one for one in left if needs[one.parameter.path] <= known), None)
        if ready is None:
            one = left[0]
            node = one.parameter.when_node
            message = f"the condition of `{one.parameter.path}` depends on itself"
            help = "a condition may use parameters whose own conditions do not use this one"
            report.error(
                "MS904", message, node.span if node is not None else one.parameter.span, help=help
            )
            return ()
        done.append(ready._replace(needs=frozenset(needs[ready.parameter.path])))
        left.remove(ready)
    return tuple(done)


class _Words:
    """Which names conditions use, through other variables too."""

    def __init__(self, root: Mapping, parameters: set[str]) -> None:
        self.parameters = parameters
        node = find(root, ("vars",))
        entries = node.entries if isinstance(node, Mapping) else {}
        self.of_variable = {name: _words(one.value) for name, one in entries.items()}

    def uses(self, when: str | bool | None, other: Placed) -> bool:
        """Whether a condition uses the value of a parameter."""
        if not isinstance(when, str):
            return False
        words = self._all(set(_WORD.findall(when)))
        if other.keys == ("vars",):  # all variables
            return any(word.partition(".")[0] in self.of_variable for word in words)
        if other.keys[0] == "vars":
            return any(word.partition(".")[0] == other.names[0] for word in words)
        return any(self._is_part(word, ".".join(other.names)) for word in words)

    def _is_part(self, word: str, name: str) -> bool:
        """Whether a word of a condition is the name of a parameter, a part of its value, or a
        section that contains it.
        """
        if word == name or word.startswith(f"{name}."):
            return True
        return name.startswith(f"{word}.") and word not in self.parameters

    def _all(self, words: set[str]) -> set[str]:
        """The words, and those of the variables among them."""
        found: set[str] = set()
        left = list(words)
        while left:
            word = left.pop()
            if word not in found:
                found.add(word)
                left += self.of_variable.get(word.partition(".")[0], ())
        return found


def _words(node: Node) -> tuple[str, ...]:
    """The words in the expressions of a value."""
    text = repr(plain(node))
    return tuple(_WORD.findall(text)) if "$" in text else ()
