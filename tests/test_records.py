"""The quick `dataclass` and `NamedTuple` behave as the standard ones."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import typing
from typing import Any

import pytest

from modelspec.core import records
from modelspec.core.records import dataclass


@dataclass(frozen=True)
class Place:
    """A place."""

    name: str
    at: int = 0
    more: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
    note: str = dataclasses.field(default="", kw_only=True, repr=False)
    kind: typing.ClassVar[str] = "place"

    def __post_init__(self) -> None:
        if self.at < 0:
            raise ValueError("below 0")


@dataclasses.dataclass(frozen=True)
class Standard:
    name: str
    at: int = 0
    more: dict[str, int] = dataclasses.field(default_factory=dict, compare=False)
    note: str = dataclasses.field(default="", kw_only=True, repr=False)


@dataclass(frozen=True)
class Derived(Place):
    size: int = 1


@dataclasses.dataclass(frozen=True)
class DerivedByTheStandard(Place):
    size: int = 1


class Pair(records.NamedTuple):
    """A pair."""

    left: int
    right: str = "r"

    @property
    def both(self) -> str:
        return f"{self.left}{self.right}"


def test_a_frozen_class_behaves_as_the_standard_one() -> None:
    made: Any = Place("a", 2, note="n")
    same = Standard("a", 2, note="n")
    assert repr(made) == repr(same).replace("Standard", "Place")
    assert made == Place("a", 2, {"x": 1}, note="n") != Place("a", 3, note="n")
    assert hash(made) == hash(Place("a", 2, note="n"))
    assert made != same
    assert made.more == {} and made.more is not Place("b").more
    assert dataclasses.replace(made, at=5) == Place("a", 5, note="n")
    assert dataclasses.asdict(made) == dataclasses.asdict(same)
    assert Place.__match_args__ == Standard.__match_args__  # type: ignore[attr-defined]
    for change in (lambda: setattr(made, "at", 3), lambda: delattr(made, "at")):
        with pytest.raises(dataclasses.FrozenInstanceError, match="cannot"):
            change()
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert again == made
    for wrong in (lambda: Place(), lambda: Place("a", 1, {}, "n"), lambda: Place("a", no=1)):  # type: ignore[call-arg,misc]
        with pytest.raises(TypeError):
            wrong()
    with pytest.raises(ValueError, match="below 0"):
        Place("a", -1)


@pytest.mark.parametrize("cls", [Derived, DerivedByTheStandard])
def test_classes_derive_from_it(cls: Any) -> None:
    made = cls("a", size=3)
    assert made == cls("a", size=3) != cls("a", size=4)
    assert made != Place("a")
    assert [one.name for one in dataclasses.fields(made)] == ["name", "at", "more", "note", "size"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.size = 5


def test_a_class_keeps_the_methods_that_it_defines() -> None:
    @dataclass(frozen=True)
    class Own:
        name: str

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "own"

    assert Own("a") == Own("b")
    assert repr(Own("a")) == "own"
    assert hash(Own("a")) != hash(Own("b"))


@dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    size: int = 3
    made: int = dataclasses.field(init=False, default=7)


@dataclass(slots=True, kw_only=True)
class Changeable:
    name: str
    size: int = 3


def test_a_frozen_class_with_slots_is_copied_and_pickled() -> None:
    made = Slotted("a")
    assert (made.name, made.size, made.made) == ("a", 3, 7)
    assert repr(made) == "Slotted(name='a', size=3, made=7)"
    assert not hasattr(made, "__dict__")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.size = 4  # type: ignore[misc]
    for again in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert again == made and hash(again) == hash(made)


def test_a_class_that_is_not_frozen_can_be_changed_and_has_no_hash() -> None:
    made = Changeable(name="a")
    made.size = 4
    assert made == Changeable(name="a", size=4) != Changeable(name="a")
    assert pickle.loads(pickle.dumps(made)) == made
    with pytest.raises(TypeError, match="unhashable"):
        hash(made)
    with pytest.raises(TypeError):
        Changeable("a")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        made.other = 1  # type: ignore[attr-defined]


def test_arguments_that_are_not_fields_are_passed_on() -> None:
    @dataclass
    class Doubled:
        size: dataclasses.InitVar[int]
        kept: int = 0

        def __post_init__(self, size: int) -> None:
            self.kept = 2 * size

    assert Doubled(3).kept == 6


def test_other_options_are_those_of_the_standard_one() -> None:
    @dataclass(order=True)
    class Ordered:
        at: int

    @dataclass(frozen=True, eq=False)
    class ByIdentity:
        at: int

    assert Ordered(1) < Ordered(2)
    assert ByIdentity(1) != ByIdentity(1)


def test_a_named_tuple_behaves_as_the_standard_one() -> None:
    made = Pair(1)
    assert made == (1, "r") and made.both == "1r"
    assert repr(made) == "Pair(left=1, right='r')"
    assert made._replace(left=2)._asdict() == {"left": 2, "right": "r"}
    assert Pair._field_defaults == {"right": "r"} and Pair._fields == ("left", "right")
    assert pickle.loads(pickle.dumps(made)) == made
    assert typing.get_type_hints(Pair) == {"left": int, "right": str}
    assert Pair.__doc__ == "A pair." and Pair.__module__ == __name__
