"""`training.objective`: how terms are read, resolved and typed, without a framework."""

from __future__ import annotations

from typing import Any

import pytest

import modelspec as ms
from modelspec.catalog.formula import TENSORS, infer, parse
from modelspec.catalog.formula.grammar import TERMS
from modelspec.compiler.infer.objective_terms import (
    draws,
    gradient_depth,
    resolved_terms,
    term_type,
)
from modelspec.compiler.rules.logged_quantities import logged
from modelspec.core.diagnostics import Diagnostic, Fault
from modelspec.core.shapes import Tensor

MODEL = """
model:
  inputs: {x: [4], e: [2]}
  layers:
    - Dense: {units: 8, from: x, name: hidden}
    - Dense: {units: 2, name: m}
    - Dense: {units: 2, from: hidden, name: v}
    - Add: {from: [m, e], name: z}
    - Dense: {units: 4, name: again}
  outputs: OUTPUTS
"""


def spec(objective: str, *, outputs: str = "[again, z, v]", rest: str = "") -> str:
    return MODEL.replace("OUTPUTS", outputs) + f"training:\n  objective: {objective}\n{rest}"


def checked(objective: str, tmp_path: Any, **more: str) -> tuple[Diagnostic, ...]:
    path = tmp_path / "spec.yaml"
    path.write_text(spec(objective, **more), encoding="utf-8")
    return ms.check(path).diagnostics


def loaded(objective: str, tmp_path: Any, **more: str) -> ms.Spec:
    path = tmp_path / "spec.yaml"
    path.write_text(spec(objective, **more), encoding="utf-8")
    return ms.load_spec(path)


GOOD = [
    '{kl: {formula: "-0.5 * sum(1 + v - square(m) - exp(v), axis=-1)"}}',
    '{kl: "mean(square(m))"}',
    '{kl: {formula: "mean(square(a - b), axis=-1)", from: {a: x, b: again}, weight: 0.5}}',
    '{kl: {formula: "mean(square(a - b), axis=-1)", from: [x, again]}}',
    '{kl: {formula: "mean(square(a), axis=-1)", from: z}}',
    '{kl: {formula: "mean(square(a - b), axis=-1)", from: {a: x}, weight: {formula: "epoch"}}}'.replace(
        "a - b", "a - again"
    ),
    '{pairs: "logsumexp(z @ transpose(m), axis=-1) - sum(z * m, axis=-1)"}',
    '{pairs: "mean(diag(z @ transpose(m)) - cosine_similarity(z, m))"}',
    '{pairs: "sum((z @ transpose(z) - eye(len(z))) ** 2) / len(z)"}',
    '{drawn: "mean(square(z - random_normal(z, stddev=0.1)), axis=-1)"}',
    '{steep: "square(sqrt(sum(square(gradient(again, x)), axis=-1)) - 1)"}',
    '{near: "mean(square(stop_gradient(z) - m), axis=-1)", far: {formula: "sum(m)", weight: -1}}',
]


@pytest.mark.parametrize("objective", GOOD)
def test_an_objective_without_faults(objective: str, tmp_path: Any) -> None:
    assert checked(objective, tmp_path) == ()


BAD = [
    ("{val_kl: 'mean(m)'}", "MS839", "val_kl"),
    ("{loss: 'mean(m)'}", "MS839", "loss"),
    ("{kl: 'square(m)'}", "MS840", "square(m)"),
    ("{kl: 'mean(m) + 1 +'}", "MS140", ""),
    ("{kl: 'mean(again - m, axis=-1)'}", "MS403", "again - m"),
    ("{kl: 'mean(n)'}", "MS302", "n"),
    ("{kl: 'mean(m.second)'}", "MS305", "m.second"),
    ("{kl: {formula: 'mean(a)', from: {a: nothing}}}", "MS302", "nothing"),
    ("{kl: {formula: 'mean(a)', from: {a: m, b: v}}}", "MS146", "b"),
    ("{kl: {formula: 'mean(a)', from: [m, v]}}", "MS310", "[m, v]"),
    ("{kl: {formula: 'mean(m)', wait: 2}}", "MS201", "wait"),
    ("{kl: {from: {a: m}}}", "MS203", "kl"),
    ("{kl: 3}", "MS204", "3"),
    ("[kl]", "MS204", "[kl]"),
    ("{kl: 'mean(2 * sqrt(4))'}", "MS143", ""),
    ("{kl: {formula: 'mean(m)', weight: 'lr * 2'}}", "MS144", "lr"),
    ("{kl: {formula: 'mean(m)', weight: '1 / step'}}", "MS145", ""),
    ("{kl: {formula: 'mean(m)', weight: 'epoch > 2'}}", "MS143", "epoch > 2"),
    ("{kl: {formula: 'mean(m)', weight: true}}", "MS204", "true"),
    ("{kl: 'mean(gradient(again, 2 * x))'}", "MS844", "2 * x"),
    ("{kl: 'mean(gradient(again, target.x))'}", "MS844", "target.x"),
    ("{kl: 'mean(random_norml(m))'}", "MS142", "random_norml"),
]


@pytest.mark.parametrize(("objective", "code", "at"), BAD)
def test_a_fault_of_an_objective_is_reported_once_at_its_place(
    objective: str, code: str, at: str, tmp_path: Any
) -> None:
    found = checked(objective, tmp_path)
    assert [one.code for one in found] == [code]
    assert found[0].span is not None and (not at or found[0].span.text == at)


def test_a_term_that_is_named_as_a_metric(tmp_path: Any) -> None:
    rest = "  loss: {again: mse}\n  metrics: {again: [mae]}\n"
    found = checked("{again_mae: 'mean(m)', again_loss: 'mean(v)'}", tmp_path, rest=rest)
    assert [one.code for one in found] == ["MS839", "MS839"]
    assert "a metric" in found[0].message and "a loss" in found[1].message


def test_a_layer_that_only_a_term_reads_is_used(tmp_path: Any) -> None:
    """It needs no output unless it has weights, which a saved model would lose."""
    text = (
        spec("{length: 'mean(longer)'}", outputs="[again, v]")
        .replace(
            "    - Dense: {units: 4",
            "    - Softmax: {from: z, name: longer}\n    - Dense: {units: 4",
        )
        .replace("units: 4, name: again", "units: 4, from: z, name: again")
    )
    path = tmp_path / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    assert ms.check(path).diagnostics == ()
    path.write_text(text.replace("Softmax: {", "Dense: {units: 3, "), encoding="utf-8")
    (one,) = ms.check(path).diagnostics
    assert one.code == "MS842" and "`longer`" in one.message and one.help is not None


def test_a_training_without_loss_and_objective_is_an_error(tmp_path: Any) -> None:
    path = tmp_path / "spec.yaml"
    text = MODEL.replace("OUTPUTS", "[again, v]") + "training: {epochs: 2}\n"
    path.write_text(text, encoding="utf-8")
    assert [one.code for one in ms.check(path).diagnostics] == ["MS203"]


def test_outputs_beside_an_objective_need_no_loss(tmp_path: Any) -> None:
    """A warning about outputs without a loss has no reason: terms train what is before them."""
    assert checked("{kl: 'mean(m)'}", tmp_path, rest="  loss: {again: mse}\n") == ()


DATA = """
data:
  source: {csv: points.csv}
  inputs: {x: {columns: [a, b, c, d]}, e: {random: normal}}
  targets: TARGETS
"""


@pytest.mark.parametrize(
    ("targets", "formula", "codes"),
    [
        ("{again: {columns: [a, b, c, d]}, k: {column: k}}", "m[:, 0] * target.k", []),
        ("{again: {columns: [a, b, c, d]}, k: {column: k}}", "mean(m)", ["MS501"]),
        ("{again: {columns: [a, b, c, d]}}", "m[:, 0] * target.k", ["MS843"]),
        ("{k: {column: k}}", "m[:, 0] * target.k", ["MS623"]),
        (
            "{again: {columns: [a, b, c, d]}, k: {column: k, transform: [{StringLookup: {}}]}}",
            "sum(m * target.k, axis=-1)",
            ["MS403"],
        ),
        ("{again: {columns: [a, b, c, d]}}", "mean(square(again - target.again), axis=-1)", []),
        ("{again: {columns: [a, b, c, d]}}", "mean(again @ transpose(target.m))", ["MS843"]),
    ],
)
def test_targets_that_terms_read(
    targets: str, formula: str, codes: list[str], tmp_path: Any
) -> None:
    """A target is an output's, or one that a term reads; any other is an error."""
    rest = "  loss: {again: mse}\n" + DATA.replace("TARGETS", targets)
    found = checked(f"{{t: '{formula}'}}", tmp_path, rest=rest)
    assert [one.code for one in found] == codes, found


def test_no_layer_is_called_target_beside_an_objective(tmp_path: Any) -> None:
    path = tmp_path / "spec.yaml"
    text = (
        spec("{kl: 'mean(m)'}").replace("name: hidden", "name: target").replace("hidden", "target")
    )
    path.write_text(text, encoding="utf-8")
    assert [one.code for one in ms.check(path).diagnostics] == ["MS843"]


def test_a_callback_may_monitor_a_term(tmp_path: Any) -> None:
    rest = DATA.replace("TARGETS", "{}").replace("  targets: {}\n", "  split: {validation: 0.2}\n")
    callbacks = "  callbacks: [{EarlyStopping: {monitor: NAME}}]\n"
    good = checked("{kl: 'mean(m)'}", tmp_path, rest=callbacks.replace("NAME", "val_kl") + rest)
    assert good == ()
    bad = checked("{kl: 'mean(m)'}", tmp_path, rest=callbacks.replace("NAME", "val_k1") + rest)
    assert [one.suggestion for one in bad] == ["val_kl"]


def test_terms_are_logged_in_the_direction_of_their_weights(tmp_path: Any) -> None:
    found = loaded(
        "{a: 'mean(m)', b: {formula: 'mean(m)', weight: -1}, c: {formula: 'mean(m)', weight: 0}}",
        tmp_path,
    )
    assert found.compiled.training is not None
    directions = logged(found.compiled.training)
    assert directions == {"loss": "down", "a": "down", "b": "up", "c": None}


# Types -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "per_example", "mixes"),
    [
        ("mean(square(m), axis=-1)", True, False),
        ("mean(m)", False, True),
        ("logsumexp(m @ transpose(z), axis=-1)", True, True),
        ("m[:, 0] * 2", True, False),
        ("sum(eye(len(m)) * (m @ transpose(m)))", False, True),
    ],
)
def test_a_term_is_per_example_or_one_number(
    formula: str, per_example: bool, mixes: bool, tmp_path: Any
) -> None:
    found = loaded(f"{{t: '{formula}'}}", tmp_path)
    assert found.compiled.training is not None
    (one,) = resolved_terms(found.graph, found.compiled.training.objective)
    types = {name: Tensor((None, 2), "float32") for name in one.tensors}
    typed = term_type(one.term, types)
    assert (typed.per_example, typed.mixes_examples) == (per_example, mixes)


def test_terms_compute_in_single_precision() -> None:
    """Half precision becomes float32, float64 stays."""
    from modelspec.compiler.infer.objective_terms import in_single

    assert in_single(Tensor((None,), "bfloat16")).dtype == "float32"
    assert in_single(Tensor((None,), "float64")).dtype == "float64"
    assert in_single(Tensor((None,), "int32")).dtype == "int32"


def test_gradients_and_random_numbers_of_a_formula() -> None:
    formula = parse(
        "mean(gradient(gradient(y, x), x) + random_normal(x) * random_uniform(x))", TERMS
    )
    assert gradient_depth(formula.root) == 2
    assert [one.function for one in draws(formula.root)] == ["random_normal", "random_uniform"]


@pytest.mark.parametrize("name", ["random_normal(x)", "gradient(x, x)", "len(x) + x"])
def test_a_layer_does_not_support_functions_of_objectives(name: str) -> None:
    with pytest.raises(Fault) as fault:
        parse(name, TENSORS)
    assert fault.value.code == "MS841"


@pytest.mark.parametrize(
    ("formula", "shape"),
    [
        ("x @ eye(3)", (None, 3)),
        ("x + arange(3)", (None, 3)),
        ("x * arange(1, 7, 2)", (None, 3)),
        ("gather(x, arange(2), axis=1)", (None, 2)),
        ("cosine_similarity(x, 2 * x)[:, None]", (None, 1)),
        ("stop_gradient(x)", (None, 3)),
        ("x @ eye(3, 5)", (None, 5)),
    ],
)
def test_the_types_of_functions_of_matrices(formula: str, shape: Any) -> None:
    found = infer(parse(formula, TENSORS), {"x": Tensor((None, 3), "float32")})
    assert found.result == Tensor(shape, "float32")


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("x @ eye(0)", "MS143"),
        ("x + arange(0)", "MS407"),
        ("diag(x[:, None])", "MS401"),
        ("gather(x, x, axis=1)", "MS404"),
        ("cosine_similarity(x, x[:, None])", "MS401"),
        ("x @ eye(2)", "MS403"),
        ("x @ eye(1.5)", "MS143"),
    ],
)
def test_the_faults_of_functions_of_matrices(formula: str, code: str) -> None:
    with pytest.raises(Fault) as fault:
        infer(parse(formula, TENSORS), {"x": Tensor((None, 3), "float32")})
    assert fault.value.code == code


# Views -------------------------------------------------------------------------------------------


def test_the_resolved_spec_and_the_schema_have_the_objective(tmp_path: Any) -> None:
    from modelspec.views.resolve import resolved_text
    from modelspec.views.schema import file_schema

    objective = '{kl: {formula: "mean(m)", weight: "epoch / 2"}}'
    found = loaded(objective, tmp_path)
    (tmp_path / "again.yaml").write_text(resolved_text(found.compiled), encoding="utf-8")
    again = ms.load_spec(tmp_path / "again.yaml")
    assert again.compiled.training is not None and found.compiled.training is not None
    (one,), (other,) = (tuple(each.compiled.training.objective.values()) for each in (found, again))
    assert str(one.formula) == str(other.formula) and str(one.weight) == str(other.weight)
    schema = file_schema.whole()
    assert "objective" in str(schema["else"]["properties"]["training"])
