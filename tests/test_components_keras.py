"""Components against Keras: every name, every default, and that what is taken here is taken, and
works, there.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest

from modelspec.catalog.components import LOSSES, METRICS, OPTIMIZERS, SCHEDULES, log_name
from modelspec.catalog.components.matrix_initializers import WINDOWS
from modelspec.catalog.components.nested_optimizers import OptimizerMap
from modelspec.core.settings import Context, Faults, Settings

from .test_components import FAMILIES, KINDS, examples, read, settings_class

pytestmark = pytest.mark.tensorflow

MODULES = {
    "initializer": "initializers",
    "regularizer": "regularizers",
    "constraint": "constraints",
    "activation": "activations",
    "optimizer": "optimizers",
    "schedule": "optimizers.schedules",
    "loss": "losses",
    "metric": "metrics",
    "callback": "callbacks",
}
LOOKUPS = {"get", "serialize", "deserialize"}
OWN = {"Expression", "WarmupLinear", "WarmupCosine", "hard_sigmoid_keras2"}
"""Components that Keras does not have."""
BUILT = [(noun, kind) for noun, kind in KINDS if noun != "activation" and kind not in OWN]


def module(noun: str) -> Any:
    import keras

    return reduce(getattr, MODULES[noun].split("."), keras)


def lowered(value: Any) -> Any:
    """Keras's object for settings: its class, called with what was set."""
    if isinstance(value, tuple):
        return [lowered(item) for item in value]
    if isinstance(value, dict):
        return {key: lowered(item) for key, item in value.items()}
    if not isinstance(value, Settings):
        return value
    import keras

    cls = getattr(reduce(getattr, value.keras_module.split("."), keras), value.kind())
    return cls(**{name: lowered(getattr(value, name)) for name in value.model_fields_set})


def least(noun: str, kind: str) -> dict[str, Any]:
    """What the settings of a kind must hold, from the example on its page."""
    cls = settings_class(noun, kind)
    required = [name for name, field in cls.model_fields.items() if field.is_required()]
    if not required:
        return {}
    made = [
        one
        for value in examples(cls)
        if isinstance(one := read(noun, value), Settings) and one.kind() == kind
    ]
    return {name: getattr(made[0], name) for name in required}


def parameters(cls: Any) -> dict[str, inspect.Parameter]:
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: one
        for name, one in inspect.signature(cls).parameters.items()
        if one.kind not in kinds
    }


def keras_own(family: Any) -> list[str]:
    """The members that are classes of Keras: a loss or metric by formula is none."""
    return [kind for kind in family.kinds() if kind not in OWN]


# Names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", FAMILIES)
def test_every_public_name_is_taken_or_refused_with_a_reason(noun: str) -> None:
    family = FAMILIES[noun]
    public = {
        name
        for name, value in vars(module(noun)).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    } - LOOKUPS
    assert len(public) > 5
    assert {name for name in public if name not in family and name not in family.refused} == set()
    # And nothing is refused, or has a class, that Keras does not have.
    assert {kind for kind in keras_own(family) if not hasattr(module(noun), kind)} == set()


def looked_up(noun: str) -> dict[str, Any]:
    """Keras's own table of names."""
    from importlib import import_module

    table: dict[str, Any] = import_module(f"keras.src.{MODULES[noun]}").ALL_OBJECTS_DICT
    return table


@pytest.mark.parametrize(
    "noun", [noun for noun in FAMILIES if noun not in ("schedule", "callback")]
)
def test_every_name_that_keras_looks_up_is_that_class_here(noun: str) -> None:
    family, wrong = FAMILIES[noun], {}
    for name, there in looked_up(noun).items():
        if name in family.refused or name in family.by_shape:
            continue
        cls = family.find(name)
        if cls is None:
            wrong[name] = "unknown"
        elif noun == "loss" and not inspect.isclass(there):
            # A function: the class that Keras wraps around it.
            if (
                getattr(lowered(cls.build(least(noun, cls.kind()), Context())), "fn", None)
                is not there
            ):
                wrong[name] = cls.kind()
        elif getattr(module(noun), cls.kind()) is not there:
            wrong[name] = cls.kind()
    assert wrong == {}


@pytest.mark.parametrize("noun", ["initializer", "regularizer", "constraint", "activation"])
def test_every_bare_name_is_one_that_keras_looks_up(noun: str) -> None:
    family = FAMILIES[noun]
    for name in family.names():
        if name not in family.unlisted and name not in OWN:
            found = module(noun).get(name)
            there = getattr(module(noun), family.aliases.get(name, name))
            assert found is there or type(found) is there, name


@pytest.mark.parametrize(
    ("noun", "name"),
    [(noun, name) for noun, family in FAMILIES.items() for name in sorted(family.unlisted)],
)
def test_the_other_bare_names_are_ones_that_keras_does_not_take(noun: str, name: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        module(noun).get(name)


@pytest.mark.parametrize("name", ["adam", "ADAM", "aDaM", "RMSPROP", "ScheduleFreeAdamW"])
def test_optimizers_are_found_in_any_case_as_in_keras(name: str) -> None:
    cls = OPTIMIZERS.find(name)
    assert cls is not None
    assert type(module("optimizer").get(name)).__name__ == cls.kind()


@pytest.mark.parametrize("name", ["accuracy", "Accuracy", "acc", "ACC"])
@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 1), (4, 1)),
        ((4,), (4, 3)),
        ((4, 1), (4, 3)),
        ((4, 3), (4, 3)),
        ((4, 5), (4, 5, 3)),
        ((4, 5, 3), (4, 5, 3)),
    ],
)
def test_the_class_that_fits_the_shapes_is_keras_own_choice(name: str, shapes: Any) -> None:
    import keras
    from keras.src.trainers.compile_utils import get_loss, get_metric

    targets, outputs = (keras.KerasTensor(shape) for shape in shapes)
    metric = get_metric(name, targets, outputs)
    assert type(metric).__name__ == METRICS.pick(name, *shapes)
    assert metric.name == log_name(name)  # type: ignore[arg-type]
    loss = get_loss("crossentropy", targets, outputs)
    assert loss.fn is getattr(keras.losses, LOSSES.pick("CE", *shapes))().fn


# Settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("noun", "kind"), [*BUILT, ("optimizer", "OptimizerMap")])
def test_settings_and_defaults_are_keras_own(noun: str, kind: str) -> None:
    cls = OptimizerMap if kind == "OptimizerMap" else settings_class(noun, kind)
    there = parameters(getattr(module(noun), kind))
    assert set(cls.model_fields) == set(there)
    empty = inspect.Parameter.empty
    for name, field in cls.model_fields.items():
        assert (empty if field.is_required() else field.default) == there[name].default, name
    own = [name for name in there if name not in cls.common]
    assert cls.primary() == (own[0] if own else None)


@pytest.mark.parametrize(("noun", "kind"), BUILT)
def test_every_default_is_a_value_that_may_be_written(noun: str, kind: str) -> None:
    cls = settings_class(noun, kind)
    written = {
        name: field.default for name, field in cls.model_fields.items() if not field.is_required()
    }
    cls.build({**least(noun, kind), **written}, Context())


@pytest.mark.parametrize(("noun", "kind"), BUILT)
def test_every_example_is_made_by_keras(noun: str, kind: str) -> None:
    for value in examples(settings_class(noun, kind)):
        made = read(noun, value)
        if isinstance(made, Settings):
            assert type(lowered(made)).__name__ == made.kind()


# Values to put into each setting in turn: what is taken here must be taken by Keras. (The other way
# round there is no such rule: much that Keras takes is nonsense.)
TRIED: list[Any] = [
    None,
    False,
    True,
    -1,
    0,
    1,
    2,
    3,
    1000,
    -0.5,
    0.0,
    0.25,
    0.5,
    1.0,
    1.5,
    1e-30,
    "",
    "a",
    "a/b",
    "epoch",
    "min",
    "max",
    "auto",
    "sum",
    "none",
    "mean",
    "float32",
    "mixed_float16",
    "int8",
    "int32",
    "uint8",
    "string",
    "PR",
    "prgain",
    "hann",
    "normal",
    "uniform",
    "fan_out",
    "macro",
    "Majoring",
    "a.keras",
    "a.weights.h5",
    (),
    (0,),
    (0, 1),
    (1, 0),
    (0.1, 0.5),
    (0, 0),
    (-1,),
    (2, 2, 2),
    {},
    {"a": "b"},
]


@pytest.mark.parametrize(("noun", "kind"), BUILT)
def test_what_is_taken_here_is_taken_by_keras(noun: str, kind: str) -> None:
    cls, base = settings_class(noun, kind), least(noun, kind)
    taken = 0
    for name in cls.model_fields:
        for value in TRIED:
            try:
                made = cls.build({**base, name: value}, Context())
            except Faults:
                continue
            taken += 1
            lowered(made)
    assert taken >= len(cls.model_fields)


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_is_one_of_scipy_without_parameters(window: str) -> None:
    assert module("initializer").STFT(window=window)((8, 1, 5)).shape == (8, 1, 5)


@pytest.mark.parametrize("seed", [-(2**63), -1, 0, 2**32, 2**63 - 1])
def test_any_seed_that_a_file_can_hold_works(seed: int) -> None:
    made = read("initializer", {"HeNormal": {"seed": seed}})
    assert lowered(made)((2, 2)).shape == (2, 2)


# Use ----------------------------------------------------------------------------------------------


def instances(noun: str, kind: str) -> Iterator[Any]:
    """Keras's objects of a kind: with the least settings, and as on its page."""
    yield lowered(settings_class(noun, kind).build(least(noun, kind), Context()))
    for value in examples(settings_class(noun, kind)):
        if isinstance(made := read(noun, value), Settings):
            yield lowered(made)


@pytest.mark.parametrize("kind", list(FAMILIES["initializer"].kinds()))
def test_every_initializer_gives_values(kind: str) -> None:
    import numpy as np

    for made in instances("initializer", kind):
        shape = (8, 1, 5) if kind == "STFT" else (4, 4)
        assert np.isfinite(np.asarray(made(shape))).all()


@pytest.mark.parametrize(
    "noun_kind", [pair for pair in KINDS if pair[0] in ("regularizer", "constraint")]
)
def test_every_regularizer_and_constraint_works_on_a_weight(noun_kind: tuple[str, str]) -> None:
    import keras
    import numpy as np

    weight = np.linspace(-1, 1, 3 * 3 * 4 * 5).reshape(3, 3, 4, 5).astype("float32")
    for made in instances(*noun_kind):
        one = weight[0, 0] if noun_kind[1] == "OrthogonalRegularizer" else weight
        assert np.isfinite(np.asarray(made(keras.ops.convert_to_tensor(one)))).all()


@pytest.mark.parametrize("kind", sorted({*SCHEDULES.kinds()} - OWN))
def test_every_schedule_gives_rates(kind: str) -> None:
    import numpy as np

    for made in instances("schedule", kind):
        rates = [float(made(step)) for step in (0, 1, 10, 999, 1000, 10**6)]
        assert np.isfinite(rates).all()
        assert min(rates) >= 0


@pytest.mark.parametrize("kind", list(OPTIMIZERS.kinds()))
def test_every_optimizer_takes_a_step(kind: str) -> None:
    import keras
    import numpy as np

    for made in instances("optimizer", kind):
        weight = keras.Variable(np.ones((3, 4), "float32"), name="kernel")
        made.build([weight])
        made.apply_gradients([(keras.ops.ones((3, 4)), weight)])
        after = np.asarray(weight)
        assert np.isfinite(after).all()
        assert (after != 1).any()


def batch(targets: str, kind: str) -> tuple[Any, Any]:
    """Targets of a kind, and outputs, for four examples."""
    import numpy as np

    outputs = np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.5, 0.25, 0.25]], "float32"
    )
    made = {
        "indices": np.array([0, 1, 2, 1]),
        "identities": np.array([7, 7, 9, 9]),
        "one_hot": np.eye(3)[[0, 1, 2, 1]],
        "binary": np.array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0]]),
        "numbers": outputs + 0.5,
        "sequences": np.array([[1, 2], [2, 1], [1, 0], [2, 2]]),
    }[targets]
    if targets == "sequences":
        return made, np.tile(outputs[:, None, :], (1, 6, 1))
    if kind == "SparseTopKCategoricalAccuracy":
        outputs = np.concatenate([outputs, outputs[:, :2] * 0.1], axis=1)  # the default k is 5
    return made, outputs


@pytest.mark.parametrize("kind", keras_own(LOSSES))
def test_every_loss_takes_the_targets_that_its_class_names(kind: str) -> None:
    import numpy as np

    cls: Any = settings_class("loss", kind)
    made = lowered(cls.build({}, Context()))
    targets, outputs = batch(cls.targets, kind)
    value = float(made(targets, outputs))
    assert np.isfinite(value)
    assert cls.has_from_logits() == ("from_logits" in parameters(type(made)))
    if cls.targets == "indices":  # they are read as indices: another index, another loss
        assert float(made((targets + 1) % 3, outputs)) != value
    if cls.targets == "one_hot":  # and shares by place: indices do not fit
        with pytest.raises(Exception, match=r"shape|rank|[Ii]ncompatible|[Dd]imension"):
            made(targets.argmax(-1), outputs)


@pytest.mark.parametrize("kind", keras_own(METRICS))
def test_every_metric_takes_the_targets_that_its_class_names(kind: str) -> None:
    import numpy as np

    cls: Any = settings_class("metric", kind)
    settings = cls.build(
        {
            **least("metric", kind),
            **(
                {"sparse_y_pred": False}
                if "IoU" in kind and "sparse_y_pred" in cls.model_fields
                else {}
            ),
        },
        Context(),
    )
    made = lowered(settings)
    made.update_state(*batch(settings.takes, kind))
    assert np.isfinite(np.asarray(made.result())).all()


@pytest.mark.parametrize("kind", keras_own(METRICS))
def test_which_way_is_better_and_the_name_in_logs_are_keras_own(kind: str) -> None:
    import keras

    cls: Any = settings_class("metric", kind)
    settings = cls.build(least("metric", kind), Context())
    keras.utils.clear_session(free_memory=False)  # Keras counts names
    made = lowered(settings)
    assert cls.direction == getattr(made, "_direction", None)
    assert settings.log_name == made.name


@pytest.mark.parametrize("alias", sorted(METRICS.aliases.keys() - {"expression", "formula"}))
def test_an_alias_is_the_name_that_keras_logs(alias: str) -> None:
    import keras
    from keras.src.trainers.compile_utils import get_metric

    settings: Any = read("metric", {alias: least("metric", METRICS.aliases[alias])})
    assert settings.log_name == alias
    assert lowered(settings).name == alias
    if not least("metric", METRICS.aliases[alias]):
        tensor = keras.KerasTensor((4, 3))
        assert get_metric(alias, tensor, tensor).name == alias


def test_a_metric_is_logged_alike_in_every_model_of_a_process() -> None:
    assert [lowered(read("metric", "AUC")).name for _ in range(3)] == ["auc"] * 3
    assert module("metric").AUC().name != module("metric").AUC().name  # Keras alone counts


def test_what_is_said_of_tversky_is_what_keras_computes() -> None:
    import numpy as np

    one, half, none = (np.full((1, 4), share, "float32") for share in (1, 0.5, 0))
    missing = read("loss", {"Tversky": {"alpha": 1, "beta": 0}})
    wrongly = read("loss", {"Tversky": {"alpha": 0, "beta": 1}})
    assert float(lowered(missing)(one, half)) > 0.4 > float(lowered(wrongly)(one, half))
    assert float(lowered(wrongly)(np.concatenate([one, none]), np.concatenate([one, half]))) > 0.3


@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_a_refused_metric_does_not_work_in_a_model(name: str) -> None:
    import keras
    import numpy as np

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[getattr(keras.metrics, name)()])
    with pytest.raises(TypeError, match="sample_weight"):
        model.train_on_batch(np.ones((2, 2)), np.ones((2, 1)))


def test_the_refused_activations_do_not_work_in_a_layer() -> None:
    import keras
    import numpy as np

    layer = keras.layers.Dense(8, activation="glu")
    assert layer(keras.KerasTensor((2, 3))).shape == (2, 8)
    assert layer(np.ones((2, 3))).shape == (2, 4)
    with pytest.raises(TypeError, match="threshold"):
        keras.layers.Dense(8, activation="threshold")(np.ones((2, 3)))
