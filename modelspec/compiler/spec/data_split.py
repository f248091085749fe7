"""`data.split` as written: what is kept for validation and for the test, and which examples stay
together.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Section

SPLITS = ("train", "validation", "test")
"""The parts of the data, in the order in which they are cut."""

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Split(Section):
    """What of the source is kept for validation and for the test.

    ```yaml
    split: {validation: 0.15, test: 0.15, stratify: species}
    split: {test: 0.2, group: patient_id}
    split: {validation: 0.1, test: 0.1, order: date}
    ```
    """

    title: ClassVar[str] = "split"
    columns: ClassVar[tuple[str, ...]] = ("stratify", "group", "order")
    """Keys that name a column; only one of them is given."""

    validation: Fraction = 0.0
    test: Fraction = 0.0
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

    @model_validator(mode="after")
    def _leaves_some(self) -> Split:
        if self.validation + self.test >= 1:
            raise Fault(
                "MS205",
                f"validation {self.validation} and test {self.test} leave nothing to train on",
                ("test",),
                help="use fractions that add up to less than 1",
            )
        return self

    @model_validator(mode="after")
    def _one_way(self) -> Split:
        given = [name for name in self.columns if getattr(self, name) is not None]
        if len(given) > 1:
            raise Fault(
                "MS208",
                f"`{given[0]}` and `{given[1]}` each say how to cut",
                (given[1],),
                at_key=True,
                help="leave one of them out",
            )
        return self

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
