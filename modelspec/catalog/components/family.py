"""What Keras's components have beyond a catalogue of names, and the reader of a setting that takes
one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeGuard

from pydantic import PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Fault
from modelspec.core.registry import Registry, snake_case
from modelspec.core.settings import (
    Context,
    Faults,
    Settings,
    context_of,
    describe,
    read_form,
    split_form,
    unknown_name,
)
from modelspec.core.shapes import Shape
from modelspec.core.source import Value

PACKAGE = "modelspec.catalog.components"
EXPRESSION = "expression"
"""The key of a formula that has settings beside it."""
ABSTRACT = "it is what Keras's own ones are made from, and does nothing itself"
"""Why the base class of a family is none of its members."""


def in_snake_case(kinds: Iterable[str]) -> dict[str, str]:
    """Keras's second name for every class: `he_normal`."""
    return {snake_case(kind): kind for kind in kinds}


@dataclass(frozen=True, eq=False)
class Family(Registry):
    """A catalogue of components, with the other ways in which Keras reads a name."""

    any_case: bool = False
    """Whether `ADAM` is `Adam`: Keras finds optimizers by their name in lower case."""
    by_shape: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """Names, in any case, for which Keras takes one of three classes when it sees shapes: the one
    for outputs of a single unit, for targets that are indices, and for targets that are as wide as
    the output.
    """
    name_only: bool = False
    """Whether the members are functions of Keras: a name alone, without settings."""
    logged: bool = False
    """Whether members have a name in logs, which is the alias where one was written (`mse`)."""
    unlisted: frozenset[str] = frozenset()
    """Names that Keras does not take as text: their class is made at once."""

    @cached_property
    def _kind_in_lower_case(self) -> dict[str, str]:
        return {kind.lower(): kind for kind in self.kinds()}

    def _known(self, name: str) -> str:
        return self._kind_in_lower_case.get(name.lower(), name) if self.any_case else name

    def __contains__(self, name: str) -> bool:
        return super().__contains__(self._known(name)) or name.lower() in self.by_shape

    def names(self) -> Iterator[str]:
        """Every name that a spec may have: class names, aliases, and names that follow the
        shape.
        """
        yield from super().names()
        yield from self.by_shape

    def find(self, name: str) -> type[Settings] | None:
        """The settings class of a name; None also for one whose class follows from the shape."""
        return super().find(self._known(name))

    def pick(self, name: str, targets: Shape, outputs: Shape) -> str:
        """The class that Keras takes for a name of `by_shape`, given the shapes with their batch
        axes.

        The choice is that of Keras's `Model.compile`:
        https://keras.io/api/models/model_training_apis/
        """
        single, indices, as_wide = self.by_shape[name.lower()]
        if outputs[-1] == 1:
            return single
        return indices if len(targets) < len(outputs) or targets[-1] == 1 else as_wide


def read_component(
    family: Family, value: Value, context: Context, *, built: bool = True
) -> Settings | str:
    """A member of the family from any of its three written forms. Raises `Faults`, paths below
    `value`.

    Gives settings, or the name as it was written where it is that of a function, where the class
    follows from the shape, and where `built` is false and only a name was written. A loss or a
    metric has its `name` in logs set: the alias as it was written (`mse`), or what Keras calls the
    first of its class (`mean_squared_error`, `auc`).
    """
    if _is_expression(value, family):
        return _expression(family, value, context)
    name, _ = split_form(family.noun, value)
    if isinstance(value, str):
        if _stays_name(family, name, built=built):
            if name not in family:
                raise Faults([unknown_name(family, name)])
            return name
    elif family.name_only or name in family.by_shape:
        raise Faults([_takes_no_settings(family, name).under(name)])
    made = read_form(family, value, context)
    return _named(made, name if name in family.aliases else None) if family.logged else made


def _is_expression(value: Value, family: Family) -> TypeGuard[dict[str, Value]]:
    """Whether a value is a formula with settings beside it."""
    return (
        isinstance(value, dict) and len(value) > 1 and EXPRESSION in value and EXPRESSION in family
    )


def _stays_name(family: Family, name: str, *, built: bool) -> bool:
    """Whether a name alone is kept as it is written, and no settings are made of it."""
    if family.name_only or name.lower() in family.by_shape:
        return True
    return not built and name not in family.unlisted


def _expression(family: Family, value: dict[str, Value], context: Context) -> Settings | str:
    """`{expression: formula, name: distance}`: a formula with settings beside it."""
    others = {key: item for key, item in value.items() if key != EXPRESSION}
    try:
        return read_component(
            family, {EXPRESSION: {"formula": value[EXPRESSION], **others}}, context
        )
    except Faults as error:
        raise Faults(
            replace(one, path=one.path[1:] if one.path[1:2] != ("formula",) else one.path[:1])
            for one in error.faults
        ) from None


def _named(made: Settings, alias: str | None) -> Settings:
    """The settings with the name that logs show, where none was written."""
    written = getattr(made, "name", None)
    name = written if alias is None or "name" in made.model_fields_set else alias
    # Left to itself, Keras counts: the second AUC of a process is `auc_1`.
    name = name or snake_case(made.kind())
    return made if name == written else made.model_copy(update={"name": name})


def _takes_no_settings(family: Family, name: str) -> Fault:
    if name in family.by_shape:
        single, indices, as_wide = family.by_shape[name]
        return Fault(
            "MS204",
            f"`{name}` takes no settings: which {family.noun} it is follows from the output's"
            " shape",
            help=f"give them to `{single}`, `{indices}` or `{as_wide}`, or write `{name}` alone",
        )
    found = family.find(name)
    if found is None:
        return unknown_name(family, name)
    layer = getattr(found, "layer", None)
    help = f"write `{name}` alone"
    if layer:
        help = f"to set them, write the layer as an entry of its own: `- {layer}: {{...}}`"
    return Fault("MS204", f"the {family.noun} `{name}` takes no settings", help=help)


@dataclass(frozen=True)
class Reader:
    """The validator of a setting that takes a member of `family`."""

    family: Family
    built: bool

    def __call__(self, value: Any, info: ValidationInfo) -> Settings | str:
        if not isinstance(value, Settings):
            return read_component(self.family, value, context_of(info), built=self.built)
        if self.family.find(value.kind()) is not type(value):
            raise Faults([Fault("MS206", f"{describe(value)} is no {self.family.noun}")])
        return value


def component(family: Family, *, built: bool = False) -> PlainValidator:
    """The validator of a setting that takes a member of the family, in any of the three written
    forms.

    A bare name stays a name where `built` is false: most settings are bare names, and their class
    need not load.
    """
    return PlainValidator(Reader(family, built), json_schema_input_type=Any)
