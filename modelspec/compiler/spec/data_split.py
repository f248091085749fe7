"""`data.split` as written: which examples are used for validation and test, and which stay
together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainValidator, model_validator

from modelspec.core.diagnostics import Fault, Path, did_you_mean, listed, nearest
from modelspec.core.settings import Faults, Section, Unfit, describe

from .seeds import MAX_SEED
from .times import Time, read_number, read_time

SPLITS = ("train", "validation", "test")
"""The parts of the data, in the order in which they are assigned."""
PART_NAMES = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}
"""Values of a column of parts, and the part of each."""
Border = str | int | float

Fraction = Annotated[float, Field(ge=0, lt=1)]


def _one_fold(value: Any) -> Any:
    """The value. Raises `Unfit` for `all`, which is a parameter of a sweep."""
    if value == "all":
        raise Unfit(
            "an integer of at least 0",
            help="for all folds, write `sweep: {parameters: {data.split.fold: all}}`",
        )
    return value


def _borders(value: Any) -> tuple[Border, ...] | None:
    if value is None:
        return None
    items = value if isinstance(value, (list, tuple)) else (value,)
    if not 1 <= len(items) <= 2:
        raise Unfit("one value (start of test) or two (start of validation, test)", code="MS205")
    for index, item in enumerate(items):
        if border_key(item) is None:
            path = (index,) if isinstance(value, (list, tuple)) else ()
            found = describe(item)
            message = f"`at` must contain times such as 2026-01-31, or numbers, found {found}"
            raise Fault("MS205", message, path)
    return tuple(items)


def border_key(value: Any) -> Time | int | float | None:
    """The key that orders borders; None for a value that is not a time or a number."""
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
                message = f"`parts` must contain values of the column, found {describe(item)}"
                wrong.append(Fault("MS204", message, path))
    if wrong := wrong or list(_in_two_parts(found)):
        raise Faults(wrong)
    return found


def _in_two_parts(found: dict[str, tuple[Any, ...]]) -> Iterator[Fault]:
    """MS208 for a value assigned to two parts."""
    seen: dict[Any, str] = {}
    for name, items in found.items():
        for item in items:
            key = (type(item) is bool, item if isinstance(item, str) else float(item))
            if seen.setdefault(key, name) != name:
                message = f"{describe(item)} is assigned to both `{seen[key]}` and `{name}`"
                yield Fault("MS208", message, (name,), at_key=True, help="assign it to one part")


class Split(Section):
    """How a source is divided into training, validation and test: by share, by values of an ordered
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
    """Keys that name a column; at most one of them may be given."""

    places: ClassVar[tuple[Path, ...]] = (
        *((name,) for name in (*columns, "validation", "test", "folds")),
        ("at", 0),
        ("at", 1),
    )
    """Places for errors that depend on the data."""

    validation: Fraction = 0.0
    """The share of the examples that is evaluated after every epoch; with `folds`, of those outside
    the test fold.
    """
    test: Fraction = 0.0
    """The share of the examples that is evaluated when training ends."""
    stratify: str | None = None
    """A column whose values get the same proportions in every part."""
    group: str | None = None
    """A column whose equal values stay in one part, e.g. all examples of a patient."""
    order: str | None = None
    """A column of times: the last examples are the test part, those before them the validation
    part, the first the training part. Times with UTC offsets are compared as instants, and equal
    ones stay in the order of the source; a column that mixes times with and without an offset is an
    error. A column of numbers is ordered by its values.
    """
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    """The seed of the random split; by default the `seed` of the spec."""
    at: Annotated[
        tuple[Border, ...] | None,
        PlainValidator(_borders, json_schema_input_type=Border | list[Border] | None),
    ] = None
    """Values of `order` at which validation and test begin, or one value, at which the test begins.
    Equal values stay in one part, and a value equal to a border belongs to the later part.
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
    """The number of folds, of equal size; one of them is the test part. With `order` the examples
    are divided into one more piece: the first piece is never the test part, and a fold trains on
    everything before it.
    """
    fold: Annotated[int, BeforeValidator(_one_fold), Field(ge=0)] = 0
    """Which fold is the test part, counted from 0. `sweep: {parameters: {data.split.fold: all}}`
    trains all of them.
    """

    @model_validator(mode="after")
    def _one_form(self) -> Split:
        found = [*self._conflicts(), *self._lacking(), *self._values()]
        if found:
            raise Faults(found)
        return self

    def _conflicts(self) -> Iterator[Fault]:
        """MS208: keys of two forms, or two keys that each define the split."""
        given = [name for name in self.columns if getattr(self, name) is not None]
        if len(given) > 1:
            yield _both(given[0], given[1], "both define the split")
        form, others = self._form()
        for name in others:
            if getattr(self, name):
                yield _both(form, name, "belong to different kinds of split")

    def _form(self) -> tuple[str, tuple[str, ...]]:
        """The key that decides the form, and the keys of other forms (except those of columns)."""
        if self.column is not None:
            return "column", ("validation", "test", "at", "folds")
        if self.at is not None:
            return "at", ("validation", "test", "folds")
        if self.folds is not None:
            return "folds", ("test",)
        return "", ()

    def _lacking(self) -> Iterator[Fault]:
        """MS203: a key that another one requires."""
        for name, needed, given in (
            ("at", "order", self.at is not None and not self._names_a_column),
            ("parts", "column", self.parts is not None and self.column is None),
            ("fold", "folds", self.fold > 0 and self.folds is None),
        ):
            if given:
                message = f"`{name}` requires `{needed}`"
                yield Fault("MS203", message, (name,), at_key=True, help=f"add `{needed}`")
        if self.at is not None and self.order is None and self._names_a_column:
            (name,) = [one for one in self.columns if getattr(self, one) is not None][:1]
            yield _both(name, "at", "belong to different kinds of split")

    @property
    def _names_a_column(self) -> bool:
        return any(getattr(self, name) is not None for name in self.columns)

    def _values(self) -> Iterator[Fault]:
        """Inconsistent numbers and times."""
        if self.validation + self.test >= 1 and self.folds is None:
            yield Fault(
                "MS205",
                f"validation {self.validation} and test {self.test} leave no examples for training",
                ("test",),
                help="use fractions that add up to less than 1",
            )
        if self.folds is not None and self.fold >= self.folds:
            yield Fault(
                "MS567",
                f"fold {self.fold} does not exist: the {self.folds} folds are numbered from 0 to"
                f" {self.folds - 1}",
                ("fold",),
                help=f"use a `fold` of at most {self.folds - 1}",
            )
        if self.at is not None and len(self.at) == 2:
            yield from _increasing(*self.at)

    @property
    def by(self) -> tuple[str, str] | None:
        """The key and the column that define the split; None for a random split."""
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
        """The parts that must have examples. A column of parts may have no validation part."""
        if self.column is not None:
            return ("train",)
        validation = len(self.at) == 2 if self.at is not None else self.validation > 0
        test = self.at is not None or self.folds is not None or self.test > 0
        return ("train", *("validation",) * validation, *("test",) * test)

    @property
    def may_have(self) -> tuple[str, ...]:
        """The parts that can exist, as far as that is known without the data."""
        return SPLITS if self.column is not None else self.asked

    def place_of(self, part: str) -> Path:
        """The key that decides which examples a part has."""
        if self.at is not None:
            return ("at", len(self.at) - 1 if part == "test" else 0)
        if self.column is not None:
            return ("column",)
        return (part,) if part != "train" else ("test",) if self.test else ("validation",)

    def facts(self) -> dict[str, Any]:
        """The keys that define how the source is divided: the keys of shares, and the others that
        are given.
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
        help="remove one of them",
    )


def _increasing(first: Border, second: Border) -> Iterator[Fault]:
    """MS567: borders that are out of order, or not comparable."""
    one, other = border_key(first), border_key(second)
    if isinstance(one, Time) != isinstance(other, Time):
        message = f"cannot compare a time and a number: {first} and {second}"
        yield Fault("MS567", message, ("at", 1), help="write two times, or two numbers")
    elif isinstance(one, Time) and isinstance(other, Time) and one.offset != other.offset:
        message = f"one of {first} and {second} has a UTC offset, and the other does not"
        help = "write the offset in both (`Z` for UTC), or in none"
        yield Fault("MS567", message, ("at", 1), help=help)
    elif one is not None and other is not None and not one < other:  # type: ignore[operator]  # of one kind
        message = f"`at` must increase: the test begins at {second}, the validation at {first}"
        help = "write the start of the validation first, then the start of the test"
        yield Fault("MS567", message, ("at", 1), help=help)
