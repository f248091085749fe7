"""The closed tables of Keras's components: initializers, regularizers, constraints, activations, optimizers,
schedules, losses, metrics and callbacks.

Only names stand here. A family's classes are imported when a spec gives settings to one of them.
"""

from __future__ import annotations

from typing import Any

from pydantic import PlainValidator, ValidationInfo

from ..catalogue import Catalogue
from ..settings import Faults, Settings, context_of, read_form, unknown_name

_PACKAGE = "modelspec.components"

INITIALIZERS = Catalogue(
    "initializer", _PACKAGE,
    {"initializers": (
        "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity", "LecunNormal",
        "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling",
        "Zeros",
    )},
    {"glorot_uniform": "GlorotUniform", "zeros": "Zeros", "ones": "Ones", "he_normal": "HeNormal", "orthogonal": "Orthogonal"},
)  # fmt: skip
REGULARIZERS = Catalogue(
    "regularizer", _PACKAGE, {"regularizers": ("L1", "L2", "L1L2", "OrthogonalRegularizer")}, {},
)  # fmt: skip
CONSTRAINTS = Catalogue(
    "constraint", _PACKAGE, {"constraints": ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")}, {},
)  # fmt: skip
ACTIVATIONS = Catalogue("activation", _PACKAGE, {"activations": ("relu", "sigmoid", "softmax", "tanh", "linear", "gelu")}, {})


def component(family: Catalogue, *, built: bool = False) -> PlainValidator:
    """The validator of a setting that takes a member of the family, in any of the three written forms.

    A bare name stays a name where `built` is false: most settings are bare names, and their class need not load.
    """

    def validate(value: Any, info: ValidationInfo) -> Settings | str:
        if isinstance(value, Settings):
            return value
        if isinstance(value, str) and not built:
            if value not in family:
                raise Faults([unknown_name(family, value)])
            return value
        return read_form(family, value, context_of(info))

    return PlainValidator(validate, json_schema_input_type=Any)
