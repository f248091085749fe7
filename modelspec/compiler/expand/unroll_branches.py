"""Converts the chains of `branches` to items. A `for` or `repeat` among them makes one chain of
each round; with `join`, a loop in a list of layers is read as if it were the only one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import describe
from modelspec.core.source import Entry, Mapping, Node, Sequence, plain

from .control_flow import OF_BRANCHES, is_kept, misplaced
from .items import Excluded, Item, Repeat

if TYPE_CHECKING:
    from .unroll import Place, Unroller

OF_CHAINS: Final = ("for", "index", "repeat", "when", "do", "else")
"""Keys of an entry of `branches` that is not a list."""
_OF_LOOP: Final = ("for", "index", "repeat", "do")
OF_JOINED: Final = tuple(dict.fromkeys((*_OF_LOOP, *OF_BRANCHES[1:])))
"""Keys of a loop in a list of layers whose rounds are joined."""


def is_joined(node: Mapping) -> bool:
    """Whether an entry is a loop whose rounds start at one tensor, and are joined."""
    words = node.entries
    return "join" in words and "branches" not in words and ("for" in words or "repeat" in words)


def as_branches(node: Mapping) -> Mapping:
    """Such a loop as `branches`."""
    words = node.entries
    loop = Mapping({key: words[key] for key in _OF_LOOP if key in words}, node.span)
    rest = {key: entry for key, entry in words.items() if key not in _OF_LOOP}
    chief = words["for"] if "for" in words else words["repeat"]
    chains = Entry(chief.key_span, Sequence((loop,), node.span))
    return Mapping({"branches": chains, **rest}, node.span)


class Chains:
    """The chains of one `branches`, as far as they are read."""

    def __init__(self, home: Unroller, place: Place) -> None:
        self.home = home
        self.place = place
        self.found: list[list[Item] | Repeat] = []
        self.excluded: list[Excluded] = []
        self.broken = False

    def read(self, several: Node) -> bool:
        """Read all chains; False, with every error reported, if there is none."""
        if not isinstance(several, Sequence) or not several.items:
            found = describe(plain(several))
            fault = Fault(
                "MS204",
                f"`branches` must be a list of lists, found {found}",
                help="e.g. `branches: [[{Dense: 8}], []]`",
            )
            self.home.collector.report(fault, self.place.scope.frame.place(several.span))
            return False
        for item in several.items:
            self._entry(item)
        if not self.found and not self.broken:
            fault = Fault(
                "MS205",
                "`branches` requires at least one chain, and every loop and condition in it leaves"
                " none",
                help="add a value to the list of the loop, or leave the entry out with `when`",
            )
            self.home.collector.report(fault, self.place.scope.frame.place(several.span))
        return bool(self.found) and not self.broken

    def _entry(self, node: Node) -> None:
        if not isinstance(node, Mapping) or node.entries.keys().isdisjoint(OF_CHAINS):
            self.found.append(self.home.listed(Entry(node.span, node), self.place))
            return
        if (fault := misplaced(node, OF_CHAINS)) is not None:
            self.home.collector.report(*fault)
            self.broken = True
            return
        words = node.entries
        keep = is_kept(words["when"], self.place.scope, self.home.values) if "when" in words else 1
        if keep is None:
            self.broken = True
        elif not keep:
            left_out = self.home.leave_out(words["do"], words["when"].value.span)
            self.excluded.append(left_out)
            if "else" in words:
                self.found.append(self.home.listed(words["else"], self.place))
        else:
            if "else" in words:
                self.excluded.append(self.home.leave_out(words["else"], words["else"].key_span))
            self._kept(node)

    def _kept(self, node: Mapping) -> None:
        """The chain of an entry, or those of the rounds of its loop."""
        words = node.entries
        if "for" not in words and "repeat" not in words:
            self.found.append(self.home.listed(words["do"], self.place))
            return
        for item in self.home.loop(node, self.place):
            if isinstance(item, Repeat):
                self.found.append(item)
            elif isinstance(item, Excluded):
                self.excluded.append(item)
            else:
                self.broken = True
