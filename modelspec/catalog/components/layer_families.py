"""The component families in settings of layers: initializers, regularizers, constraints and
activations.
"""

from __future__ import annotations

from .family import ABSTRACT, PACKAGE, Family, in_snake_case

_INITIALIZERS = {
    "initializers": ("Constant", "Ones", "Zeros"),
    "scaled_initializers": (
        "GlorotNormal",
        "GlorotUniform",
        "HeNormal",
        "HeUniform",
        "LecunNormal",
        "LecunUniform",
        "VarianceScaling",
    ),
    "random_initializers": ("Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal"),
    "matrix_initializers": ("Identity", "STFT"),
}
INITIALIZERS = Family(
    "initializer",
    PACKAGE,
    _INITIALIZERS,
    {
        **in_snake_case(kind for kinds in _INITIALIZERS.values() for kind in kinds),
        "normal": "RandomNormal",
        "uniform": "RandomUniform",
        "one": "Ones",
        "zero": "Zeros",
        "IdentityInitializer": "Identity",
        "OrthogonalInitializer": "Orthogonal",
        "STFTInitializer": "STFT",
    },
    {"Initializer": ABSTRACT, "initializer": ABSTRACT},
    unlisted=frozenset({"Constant", "constant"}),
)

_REGULARIZERS = ("L1", "L2", "L1L2", "OrthogonalRegularizer")
REGULARIZERS = Family(
    "regularizer",
    PACKAGE,
    {"regularizers": _REGULARIZERS},
    {**in_snake_case(_REGULARIZERS), "l1_l2": "L1L2"},
    {"Regularizer": ABSTRACT, "regularizer": ABSTRACT},
    unlisted=frozenset({"l1_l2"}),
)

_CONSTRAINTS = ("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm")
CONSTRAINTS = Family(
    "constraint",
    PACKAGE,
    {"constraints": _CONSTRAINTS},
    in_snake_case(_CONSTRAINTS),
    {"Constraint": ABSTRACT, "constraint": ABSTRACT},
)

ACTIVATIONS = Family(
    "activation",
    PACKAGE,
    {
        "activations": ("gelu", "linear", "relu", "sigmoid", "silu", "softmax", "tanh"),
        "further_activations": (
            "celu",
            "elu",
            "exponential",
            "hard_shrink",
            "hard_sigmoid",
            "hard_sigmoid_keras2",
            "hard_silu",
            "hard_tanh",
            "leaky_relu",
            "log_sigmoid",
            "log_softmax",
            "mish",
            "relu6",
            "selu",
            "soft_shrink",
            "softplus",
            "softsign",
            "sparse_plus",
            "sparse_sigmoid",
            "sparsemax",
            "squareplus",
            "tanh_shrink",
        ),
    },
    {"hard_swish": "hard_silu", "swish": "silu"},
    {
        "glu": (
            "it halves the last axis, but Keras does not adjust the shape of the layer; multiply a"
            " `Dense` by one with `activation: sigmoid`"
        ),
        "threshold": (
            "its two settings have no defaults, and an activation has no settings; use the layer "
            "`ReLU: {threshold: ...}`"
        ),
    },
    name_only=True,
)
