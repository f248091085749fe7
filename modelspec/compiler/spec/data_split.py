"""`data.split` as written: what is kept for validation and for the test, and which examples stay
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import Field, PlainValidator, model_validator

from modelspec.core.diagnostics import Fault, Path, did_you_mean, listed, nearest
from modelspec.core.settings import Faults, Section, Unfit, describe

from .seeds import MAX_SEED
from .times import Time, read_number, read_time

SPLITS = ("train", "validation", "test")
"""The parts of the data, in the order in which they are cut."""
PART_NAMES = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
"""What a column of parts holds, and the part that each value means."""
Border = str | int | float

Fraction = Annotated[float, Field(ge=0, lt=1)]


def _borders(value: Any) -> tuple[Border, ...] | None:
    if value is None:
        return None
    items = value if isinstance(value, (list, tuple)) else (value,)
    if not 1 <= len(items) <= 2:
        raise Unfit("one value (where the test begins) or two (validation, test)", code="MS205")
    for index, item in enumerate(items):
        if border_key(item) is None:
            path = (index,) if isinstance(value, (list, tuple)) else ()
            message = f"`at` takes times such as 2026-01-31, or numbers, found {describe(item)}"
            raise Fault("MS205", message, path)
    return tuple(items)


def border_key(value: Any) -> Time | int | float | None:
    """What a border is compared by; None for what is neither a time nor a number."""
    if isinstance(value, str):
        number = read_number(value.strip())
        return read_time(value.strip()) if number is None else number
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return None
    return value


def _named_parts(value: Any) -> dict[str, tuple[Any, ...]] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise Unfit("a mapping of `train`, `validation` and `test` to lists of values")
    found: dict[str, tuple[Any, ...]] = {}
    wrong: list[Fault] = []
    for name, items in value.items():
        if name not in SPLITS:
            near = nearest(str(name), SPLITS)
            known = f"the parts are {listed(SPLITS)}"
            message, help = f"`parts` has no part `{name}`", did_you_mean(near, known)
            wrong.append(Fault("MS201", message, (name,), at_key=True, suggestion=near, help=help))
            continue
        found[name] = tuple(items) if isinstance(items, (list, tuple)) else (items,)
        for index, item in enumerate(found[name]):
            if not isinstance(item, (str, int, float)):
                path = (name, index) if isinstance(items, (list, tuple)) else (name,)
                message = f"`parts` takes values of the column, found {describe(item)}"
                wrong.append(Fault("MS204", message, path))
    if wrong := wrong or list(_in_two_parts(found)):
        raise Faults(wrong)
    return found


def _in_two_parts(found: dict[str, tuple[Any, ...]]) -> Iterator[Fault]:
    """MS208 for a value that two parts have."""
    seen: dict[Any, str] = {}
    for name, items in found.items():
        for item in items:
            key = (type(item) is bool, item if isinstance(item, str) else float(item))
            if seen.setdefault(key, name) != name:
                message = f"{describe(item)} is in `{seen[key]}` and in `{name}`"
                yield Fault("MS208", message, (name,), at_key=True, help="write it in one part")


class Split(Section):
    """What of the source is kept for validation and for the test: by share, by values of an ordered
    column, by a column that names the parts, or by folds.

    ```yaml
    split: {validation: 0.15, test: 0.15, stratify: species}
    split: {test: 0.2, group: patient_id}
    split: {validation: 0.1, test: 0.1, order: date}
    split: {order: date, at: [2024-01-01, 2024-06-01]}
    split: {column: part}
    split: {column: year, parts: {train: [2022, 2023], test: [2024]}}
    split: {folds: 5, fold: 0, validation: 0.1, stratify: species}
    ```
    """

    title: ClassVar[str] = "split"
    columns: ClassVar[tuple[str, ...]] = ("stratify", "group", "order", "column")
    """Keys that name a column; only one of them is given."""

    places: ClassVar[tuple[Path, ...]] = (
        *((name,) for name in (*columns, "validation", "test", "folds")),
        ("at", 0),
        ("at", 1),
    )
    """Where faults are that only the data show."""

    validation: Fraction = 0.0
    """The share of the examples that is looked at after every epoch; with `folds`, of those that
    the fold leaves.
    """
    test: Fraction = 0.0
    """The share of the examples that is looked at when the training is over."""
    stratify: str | None = None
    """A column whose values have the same shares in every part."""
    group: str | None = None
    """A column whose equal values stay in one part: examples of one patient, say."""
    order: str | None = None
    """A column of times: the last examples are the test, those before them validate, the first
    train. Times with UTC offsets are compared as instants, and of equal ones the order of the
    source decides; a column that has times with and without an offset is an error. A column of
    numbers is ordered by its values.
    """
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    """The number from which the draw follows; by default the spec's `seed`."""
    at: Annotated[
        tuple[Border, ...] | None,
        PlainValidator(_borders, json_schema_input_type=Border | list[Border] | None),
    ] = None
    """Values of `order` where validation and test begin, or one value, where the test begins. Equal
    values stay in one part, and a value equal to a border is in the later part.
    """
    column: str | None = None
    """A column that names the part of each example: `train`, `validation` (or `val`) or `test`."""
    parts: Annotated[
        dict[str, tuple[Any, ...]] | None,
        PlainValidator(
            _named_parts, json_schema_input_type=dict[str, Border | list[Border]] | None
        ),
    ] = None
    """Other values of `column`, by the part that they mean: `{test: [2024]}`."""
    folds: Annotated[int, Field(ge=2)] | None = None
    """Into how many folds of one size the examples are cut; one of them is the test. With `order`
    the examples are cut into one piece more: the first piece is in no test, and a fold trains on
    what came before it.
    """
    fold: Annotated[int, Field(ge=0)] = 0
    """Which fold is the test, from 0."""

    @model_validator(mode="after")
    def _one_form(self) -> Split:
        found = [*self._conflicts(), *self._lacking(), *self._values()]
        if found:
            raise Faults(found)
        return self

    def _conflicts(self) -> Iterator[Fault]:
        """MS208: keys of two forms, or two keys that each say how to cut."""
        given = [name for name in self.columns if getattr(self, name) is not None]
        if len(given) > 1:
            yield _both(given[0], given[1], "each say how to cut")
        form, others = self._form()
        for name in others:
            if getattr(self, name):
                yield _both(form, name, "belong to two ways to cut")

    def _form(self) -> tuple[str, tuple[str, ...]]:
        """The key that says the form, and the keys of other forms (those of columns apart)."""
        if self.column is not None:
            return "column", ("validation", "test", "at", "folds")
        if self.at is not None:
            return "at", ("validation", "test", "folds")
        if self.folds is not None:
            return "folds", ("test",)
        return "", ()

    def _lacking(self) -> Iterator[Fault]:
        """MS203: a key that another one needs."""
        for name, needed, given in (
            ("at", "order", self.at is not None and not self._names_a_column),
            ("parts", "column", self.parts is not None and self.column is None),
            ("fold", "folds", self.fold > 0 and self.folds is None),
        ):
            if given:
                message = f"`{name}` needs `{needed}`"
                yield Fault("MS203", message, (name,), at_key=True, help=f"add `{needed}`")
        if self.at is not None and self.order is None and self._names_a_column:
            (name,) = [one for one in self.columns if getattr(self, one) is not None][:1]
            yield _both(name, "at", "belong to two ways to cut")

    @property
    def _names_a_column(self) -> bool:
        return any(getattr(self, name) is not None for name in self.columns)

    def _values(self) -> Iterator[Fault]:
        """Numbers and times that do not go together."""
        if self.validation + self.test >= 1 and self.folds is None:
            yield Fault(
                "MS205",
                f"validation {self.validation} and test {self.test} leave nothing to train on",
                ("test",),
                help="use fractions that add up to less than 1",
            )
        if self.folds is not None and self.fold >= self.folds:
            yield Fault(
                "MS567",
                f"fold {self.fold} does not exist: {self.folds} folds are counted from 0 to"
                f" {self.folds - 1}",
                ("fold",),
                help=f"use a `fold` of at most {self.folds - 1}",
            )
        if self.at is not None and len(self.at) == 2:
            yield from _increasing(*self.at)

    @property
    def by(self) -> tuple[str, str] | None:
        """The key and the column that say how to cut; None: by chance alone."""
        return next(
            (
                (name, getattr(self, name))
                for name in self.columns
                if getattr(self, name) is not None
            ),
            None,
        )

    @property
    def by_share(self) -> bool:
        """Whether the parts are shares of the examples."""
        return self.column is None and self.at is None and self.folds is None

    @property
    def asked(self) -> tuple[str, ...]:
        """The parts that must have examples. A column of parts may have no validation."""
        if self.column is not None:
            return ("train",)
        validation = len(self.at) == 2 if self.at is not None else self.validation > 0
        test = self.at is not None or self.folds is not None or self.test > 0
        return ("train", *("validation",) * validation, *("test",) * test)

    @property
    def may_have(self) -> tuple[str, ...]:
        """The parts that there may be, as far as that is known without the data."""
        return SPLITS if self.column is not None else self.asked

    def place_of(self, part: str) -> Path:
        """The key that says which examples a part has."""
        if self.at is not None:
            return ("at", len(self.at) - 1 if part == "test" else 0)
        if self.column is not None:
            return ("column",)
        return (part,) if part != "train" else ("test",) if self.test else ("validation",)

    def facts(self) -> dict[str, Any]:
        """What says how the source is cut: the keys of shares, and of the others those that are
        given.
        """
        found = self.model_dump()
        always = ("validation", "test", "stratify", "group", "order")
        usual = {"fold": 0}
        return {
            name: value
            for name, value in found.items()
            if name in always or value != usual.get(name)
        }


def _both(first: str, second: str, what: str) -> Fault:
    return Fault(
        "MS208",
        f"`{first}` and `{second}` {what}",
        (second,),
        at_key=True,
        help="leave one of them out",
    )


def _increasing(first: Border, second: Border) -> Iterator[Fault]:
    """MS567: borders that are not in order, or cannot be compared."""
    one, other = border_key(first), border_key(second)
    if isinstance(one, Time) != isinstance(other, Time):
        message = f"a time and a number cannot be compared: {first} and {second}"
        yield Fault("MS567", message, ("at", 1), help="write two times, or two numbers")
    elif isinstance(one, Time) and isinstance(other, Time) and one.offset != other.offset:
        message = f"one of {first} and {second} has a UTC offset, and the other none"
        help = "write the offset in both (`Z` for UTC), or in none"
        yield Fault("MS567", message, ("at", 1), help=help)
    elif one is not None and other is not None and not one < other:  # type: ignore[operator]  # of one kind
        message = f"`at` must increase: the test begins at {second}, the validation at {first}"
        help = "write where the validation begins, then where the test begins"
        yield Fault("MS567", message, ("at", 1), help=help)
