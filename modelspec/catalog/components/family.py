"""Component families: their names in Keras, and the validator of settings that take a component."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any, TypeGuard

from pydantic import PlainValidator, ValidationInfo

from modelspec.core.diagnostics import Fault
from modelspec.core.records import dataclass
from modelspec.core.registry import Registry, snake_case
from modelspec.core.settings import (
    Context,
    Faults,
    Settings,
    context_of,
    describe,
    function_as_name,
    read_form,
    split_form,
    unknown_name,
)
from modelspec.core.shapes import Shape
from modelspec.core.source import Value

PACKAGE = "modelspec.catalog.components"
FORMULA = "formula"
"""The key of a formula, which may have further settings beside it."""
ABSTRACT = "it is the base class of Keras's components, and does nothing itself"
"""Why the base class of a family is not one of its members."""


def in_snake_case(kinds: Iterable[str]) -> dict[str, str]:
    """Keras's second name for every class: `he_normal`."""
    return {snake_case(kind): kind for kind in kinds}


@dataclass(frozen=True, eq=False)
class Family(Registry):
    """A catalogue of components, with the alternative names that Keras accepts."""

    any_case: bool = False
    """Whether `ADAM` is `Adam`: Keras finds optimizers by their name in lower case."""
    by_shape: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """Names, in any case, that Keras resolves to one of three classes by the shapes: for outputs of
    a single unit, for targets that are indices, and for targets as wide as the output.
    """
    name_only: bool = False
    """Whether the members are Keras functions: names without settings. Those of plugins may have
    settings.
    """
    logged: bool = False
    """Whether members have a name in logs, which is the alias if one was written (`mse`)."""
    unlisted: frozenset[str] = frozenset()
    """Names that Keras does not accept as strings: their class is instantiated."""

    @cached_property
    def _kind_in_lower_case(self) -> dict[str, str]:
        return {kind.lower(): kind for kind in self._module_of}

    def _known(self, name: str) -> str:
        return self._kind_in_lower_case.get(name.lower(), name) if self.any_case else name

    def __contains__(self, name: str) -> bool:
        return super().__contains__(self._known(name)) or name.lower() in self.by_shape

    def has_own(self, name: str) -> bool:
        """As in any registry; also in another case, and for names resolved by the shape."""
        return super().has_own(self._known(name)) or name.lower() in self.by_shape

    def takes_name_only(self, name: str) -> bool:
        """Whether a member is written without settings; those of plugins may have some."""
        return self.name_only and name not in self.added

    def names(self) -> Iterator[str]:
        """All valid names: class names, aliases, and names resolved by the shape."""
        yield from super().names()
        yield from self.by_shape

    def find(self, name: str) -> type[Settings] | None:
        """The settings class of a name; None also for a name resolved by the shape."""
        return super().find(self._known(name))

    def pick(self, name: str, targets: Shape, outputs: Shape) -> str:
        """The class that Keras chooses for a name of `by_shape`, given the shapes with their batch
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
    """Reads a member of the family from any of the three forms. Raises `Faults`, with paths
    relative to `value`.

    Returns settings; or the name as written if it is a function, if it is resolved by the shape, or
    if `built` is false and only a name was written. A loss or a metric has its `name` in logs set:
    the alias as it was written (`mse`), or Keras's name for the first of its class
    (`mean_squared_error`, `auc`).
    """
    value = function_as_name(value)
    if _is_formula(value, family):
        return _formula(family, value, context)
    name, _ = split_form(family.noun, value)
    if isinstance(value, str):
        if _stays_name(family, name, built=built):
            if name not in family:
                raise Faults([unknown_name(family, name)])
            return name
    elif family.takes_name_only(name) or name in family.by_shape:
        raise Faults([_takes_no_settings(family, name).under(name)])
    made = read_form(family, value, context)
    return _named(made, name if name in family.aliases else None) if family.logged else made


def _is_formula(value: Value, family: Family) -> TypeGuard[dict[str, Value]]:
    """Whether a value is a formula, alone or with further settings."""
    return isinstance(value, dict) and FORMULA in value and FORMULA in family


def _stays_name(family: Family, name: str, *, built: bool) -> bool:
    """Whether a bare name is kept as written rather than read as settings."""
    if family.takes_name_only(name) or name.lower() in family.by_shape:
        return True
    return not built and name not in family.unlisted and name not in family.added


def _formula(family: Family, value: dict[str, Value], context: Context) -> Settings | str:
    """`{formula: text, name: distance}`: a formula with its settings."""
    kind = family.aliases[FORMULA]
    try:
        made = read_form(family, {kind: value}, context)
    except Faults as error:
        raise Faults(replace(one, path=one.path[1:]) for one in error.faults) from None
    return _named(made, FORMULA) if family.logged else made


def _named(made: Settings, alias: str | None) -> Settings:
    """The settings with the name for logs, if none was set."""
    written = getattr(made, "name", None)
    name = written if alias is None or "name" in made.model_fields_set else alias
    # By default Keras counts: the second AUC of a process is `auc_1`.
    name = name or snake_case(made.kind())
    return made if name == written else made.model_copy(update={"name": name})


def _takes_no_settings(family: Family, name: str) -> Fault:
    if name in family.by_shape:
        single, indices, as_wide = family.by_shape[name]
        return Fault(
            "MS204",
            f"`{name}` takes no settings: the output's shape determines which {family.noun} it is",
            help=f"use `{single}`, `{indices}` or `{as_wide}` with settings, or `{name}` without",
        )
    found = family.find(name)
    if found is None:
        return unknown_name(family, name)
    layer = getattr(found, "layer", None)
    help = f"write `{name}` without settings"
    if layer:
        help = f"to set them, write the layer as a separate entry: `- {layer}: {{...}}`"
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
            raise Faults([Fault("MS206", f"{describe(value)} is not a valid {self.family.noun}")])
        return value


def component(family: Family, *, built: bool = False) -> PlainValidator:
    """The validator of a setting that takes a member of the family, in any of the three forms.

    A bare name stays a name if `built` is false: most settings are bare names, whose class need not
    be loaded.
    """
    return PlainValidator(Reader(family, built), json_schema_input_type=Any)
