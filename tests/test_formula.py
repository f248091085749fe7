"""Formulas without a framework: what can be written, types, places of faults, and how they stand in
a spec.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import modelspec as ms
from modelspec.catalog.formula import NUMBERS, TENSORS, evaluate, infer, parse
from modelspec.catalog.formula.tree import Constant
from modelspec.core.diagnostics import Fault
from modelspec.core.settings import Unfit
from modelspec.core.shapes import PENDING, Shape, Tensor

from .formulas.draw import Case, cases


def fault_of(text: str, **tensors: Tensor) -> Fault:
    """The fault of a formula, on tensors where some are given."""
    with pytest.raises(Fault) as caught:
        infer(parse(text, TENSORS), tensors)
    return caught.value


def blamed(text: str, fault: Fault) -> str:
    return text if fault.part is None else text[slice(*fault.part)]


# Writing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("", "MS140", ""),
        ("a +", "MS140", "+"),
        ("a * (b + 1", "MS140", "("),
        ("a b", "MS140", "a b"),
        ("a = b", "MS140", "="),
        ("lambda x: x", "MS141", "lambda x: x"),
        ("a + [b for b in c]", "MS141", "[b for b in c]"),
        ("a & b", "MS141", "a & b"),
        ("a is b", "MS141", "a is b"),
        ("a.T", "MS141", "a.T"),
        ("a + 'text'", "MS141", "'text'"),
        ("a + True", "MS141", "True"),
        ("a if b else c", "MS141", "a if b else c"),
        ("a + (1 < 2)", "MS141", "1 < 2"),
        ("sum(*a)", "MS141", "*a"),
        ("__import__('os')", "MS142", "__import__"),
        ("a.__class__()", "MS142", "a.__class__"),
        ("1 + tahn(a)", "MS142", "tahn"),
        ("ops.tanh(a)", "MS142", "ops.tanh"),
        ("sum(a, axes=1)", "MS143", "axes"),
        ("sum(a, axis='x')", "MS143", "'x'"),
        ("sum(a, axis=b)", "MS143", "b"),
        ("sum()", "MS143", "sum()"),
        ("tanh(a, a)", "MS143", "a"),
        ("concatenate(a)", "MS143", "a"),
        ("cast(a, 'float31')", "MS143", "'float31'"),
        ("softmax(1)", "MS143", "softmax(1)"),
        ("a @ 2", "MS143", "a @ 2"),
        ("a[b]", "MS143", "b"),
        ("a[0:1:0]", "MS143", "0:1:0"),
        ("a + 1 / 0", "MS145", "1 / 0"),
        ("a * 2 ** 99", "MS145", "2 ** 99"),
        ("a * 9 ** 9 ** 9 ** 9", "MS145", "9 ** 9"),
        ("log(-1) * a", "MS145", "log(-1)"),
        ("a + " + "9" * 30, "MS145", "9" * 30),
    ],
)
def test_what_is_no_formula_is_told_at_its_own_characters(text: str, code: str, part: str) -> None:
    with pytest.raises(Fault) as caught:
        parse(text, TENSORS)
    assert caught.value.code == code
    found = blamed(text, caught.value)
    assert part in found and len(found) <= len(part) + 8


def test_a_misspelt_function_or_argument_is_mended() -> None:
    assert fault_of("sigmiod(a)").suggestion == "sigmoid"
    assert fault_of("mean(a, keepdim=True)").suggestion == "keepdims"
    assert fault_of("np.exp(a)").suggestion == "exp"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "a" + ")" * 500,
        "-" * 3000 + "a",
        "a" + " + a" * 600,
        "a" * 3000,
        "a[" * 99,
        "-" * 200 + "a",
        "9**" * 500 + "9",
        "\x00",
        "a\\",
        "(\n",
        "a;b",
        "a\r\n+\r\nb",
        "é + ñ",
    ],
)
def test_hostile_texts_are_faults(text: str) -> None:
    try:
        parse(text, TENSORS)
    except Fault as fault:
        assert fault.part is None or 0 <= fault.part[0] <= fault.part[1] <= len(text)


@given(st.text(max_size=60) | st.text(alphabet="ab01()[]:,.+-*/@<>='\" \n", max_size=40))
def test_any_text_is_a_formula_or_a_fault(text: str) -> None:
    for grammar in (TENSORS, NUMBERS):
        try:
            parse(text, grammar)
        except Fault as fault:
            assert fault.part is None or 0 <= fault.part[0] <= fault.part[1] <= len(text)


@given(cases(), st.data())
def test_any_change_of_a_formula_is_a_formula_or_a_fault(case: Case, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(case.text)))
    change = data.draw(
        st.sampled_from(["(", ")", "[", ",", "0", ".", " ", "*", "a", "'", "=", ":"])
    )
    text = case.text[:at] + change + case.text[at + data.draw(st.integers(0, 1)) :]
    try:
        formula = parse(text, TENSORS)
        if formula.names:
            infer(
                formula,
                {name: case.tensors.get(name, case.tensors["a"]) for name in formula.arguments},
            )
    except Fault as fault:
        assert fault.part is None or 0 <= fault.part[0] <= fault.part[1] <= len(text)


def test_numbers_are_worked_out_when_the_formula_is_read() -> None:
    assert isinstance(parse("2 * sqrt(16) - 2 ** 3 // 3", TENSORS).root, Constant)
    assert parse("2 * sqrt(16) - 2 ** 3 // 3", TENSORS).root[0] == 6.0


def test_names_are_arguments_in_the_order_of_the_text() -> None:
    assert parse("where(c > 0, b, a) + b", TENSORS).arguments == ("c", "b", "a")


# Types --------------------------------------------------------------------------------------------


def typed(text: str, *shape: Any, dtype: str = "float32") -> Shape:
    return infer(parse(text, TENSORS), {"x": Tensor((None, *shape), dtype)}).result.shape


@pytest.mark.parametrize(
    ("text", "shape", "expected"),
    [
        ("x[:, -1]", ("time", 3), (None, 3)),
        ("x[..., :2]", ("time", 3), (None, "time", 2)),
        ("x[:, 1:] - x[:, :-1]", ("time", 3), (None, "time - 1", 3)),
        ("x[:, ::-1]", ("time", 3), (None, "time", 3)),
        ("x[:, 2:5]", ("time", 3), (None, None, 3)),
        ("x - mean(x, axis=1, keepdims=True)", ("time", 3), (None, "time", 3)),
        ("x @ transpose(x, [0, 2, 1])", ("time", 3), (None, "time", "time")),
        ("einsum('bti,bsi->bts', x, x)", ("time", 3), (None, "time", "time")),
        ("reshape(x, [-1, 6])", (2, 3), (None, 6)),
        ("concatenate([x, x], axis=1)", ("time", 3), (None, "time + time", 3)),
        ("stack([x, x], axis=-1)", ("time",), (None, "time", 2)),
        ("x / max(x)", (PENDING,), (None, PENDING)),
        ("repeat(x, 2, axis=1)", ("batch",), (None, "batch * 2")),
        ("x + 1", ("batch",), (None, "batch")),
        ("x[:, None] * x[:, :, None]", (3,), (None, 3, 3)),
    ],
)
def test_unknown_sizes_keep_their_names(text: str, shape: Shape, expected: Shape) -> None:
    assert typed(text, *shape) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x[0]", "MS401"),
        ("sum(x)", "MS401"),
        ("transpose(x)", "MS401"),
        ("x[1:]", "MS401"),
        ("reshape(x, [4, -1])", "MS401"),
        ("stack([x, x])", "MS401"),
        ("x + sum(x, axis=1)", "MS403"),
        ("x @ x", "MS403"),
        ("reshape(x, [-1, 5])", "MS406"),
        ("x[:, 4]", "MS407"),
        ("x[:, :, 0]", "MS407"),
        ("sum(x, axis=2)", "MS407"),
        ("x[:, 4:]", "MS407"),
        ("squeeze(x, axis=1)", "MS403"),
        ("one_hot(x, 3)", "MS404"),
        ("einsum('bi->bj', x)", "MS406"),
    ],
)
def test_what_cannot_be_is_refused(text: str, code: str) -> None:
    assert fault_of(text, x=Tensor((None, 4), "float32")).code == code


def test_two_names_that_meet_are_told() -> None:
    assert (
        fault_of("a + b", a=Tensor((None, "m"), "float32"), b=Tensor((None, "n"), "float32")).code
        == "MS409"
    )


@pytest.mark.parametrize(
    ("text", "dtype", "expected"),
    [
        ("x + 1", "int32", "int32"),
        ("x + 1.5", "int32", "float32"),
        ("x / 2", "int8", "float32"),
        ("x + 1", "bool", "int32"),
        ("x * 0.5", "float16", "float16"),
        ("x > 0", "float16", "bool"),
        ("mean(x, axis=1)", "uint8", "float32"),
        ("sum(x, axis=1)", "uint8", "uint32"),
        ("exp(x)", "int64", "float32"),
        ("x % 2", "int8", "int8"),
        ("argmax(x, axis=1)", "float64", "int32"),
        ("where(x > 0, 1, 0)", "float64", "int32"),
    ],
)
def test_a_number_takes_on_the_dtype_beside_it(text: str, dtype: str, expected: str) -> None:
    assert infer(parse(text, TENSORS), {"x": Tensor((None, 4), dtype)}).result.dtype == expected


@pytest.mark.parametrize(
    ("text", "dtype", "code"),
    [
        ("x + 300", "uint8", "MS145"),
        ("x - 1e5", "float16", "MS145"),
        ("x + x", "bool", "MS404"),
        ("-x", "uint8", "MS404"),
        ("x + 1", "string", "MS404"),
        ("x + 1", "uint64", "MS404"),
        ("sigmoid(x)", "int32", "MS404"),
        ("x // 0", "int32", "MS145"),
        ("x ** -1", "int32", "MS404"),
        ("clip(x, 0, 0.5)", "int32", "MS404"),
    ],
)
def test_dtypes_that_do_not_fit_are_refused(text: str, dtype: str, code: str) -> None:
    assert fault_of(text, x=Tensor((None, 4), dtype)).code == code


def test_products_are_counted_for_one_example() -> None:
    tensors = {"a": Tensor((None, 5, 3), "float32"), "b": Tensor((None, 3, 7), "float32")}
    assert infer(parse("a @ b", TENSORS), tensors).multiply_adds == 5 * 3 * 7
    assert infer(parse("einsum('bij,bjk->bik', a, b)", TENSORS), tensors).multiply_adds == 5 * 3 * 7
    fixed = {name: Tensor((4, *x.shape[1:]), x.dtype) for name, x in tensors.items()}
    assert infer(parse("a @ b + 1", TENSORS), fixed).multiply_adds == 5 * 3 * 7


@given(cases(), st.sampled_from(["n", PENDING, None]))
def test_a_size_that_is_not_known_refuses_nothing_that_a_number_would_not(
    case: Case, unknown: Any
) -> None:
    """A formula that is right for a number is right for its name, and the name stands for the
    number.
    """
    try:
        formula = parse(case.text, TENSORS)
        if not formula.names:
            return
        plain = infer(formula, case.tensors).result
    except Fault:
        return
    hidden = {
        name: Tensor((None, *(unknown if size == 3 else size for size in x.shape[1:])), x.dtype)
        for name, x in case.tensors.items()
    }
    try:
        found = infer(formula, hidden).result
    except Fault as fault:
        # A new size that names no number: what the batch has may not meet it, and shapes that are
        # filled must be known.
        assert fault.code in ("MS403", "MS406"), fault
        return
    assert found.dtype == plain.dtype and found.rank == plain.rank
    for a, b in zip(found.shape, plain.shape, strict=True):
        assert a in (b, None, PENDING) or (isinstance(a, str) and eval(a, {}, {"n": 3}) == b)


# Numbers ------------------------------------------------------------------------------------------


@given(st.integers(0, 100), st.floats(1e-6, 1.0))
def test_a_learning_rate_is_what_python_makes_of_it(epoch: int, lr: float) -> None:
    for text in (
        "lr * 0.9 if epoch > 5 else lr",
        "lr * 0.5 ** (epoch // 10)",
        "0.1 * min((epoch + 1) / 5, 1)",
        "lr if 3 < epoch < 7 and not epoch % 2 else max(lr / 2, 1e-5)",
        "lr and epoch + 1",
    ):
        found = evaluate(parse(text, NUMBERS), {"epoch": epoch, "lr": lr})
        if " and epoch" not in text:
            assert found == eval(text, {"min": min, "max": max}, {"epoch": epoch, "lr": lr})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("lr[0]", "MS141"),
        ("lr @ lr", "MS141"),
        ("softmax(lr)", "MS142"),
        ("min()", "MS143"),
        ("lr / 0", "MS145"),
        ("exp(x=lr)", "MS143"),
    ],
)
def test_numbers_have_a_grammar_of_their_own(text: str, code: str) -> None:
    with pytest.raises(Fault) as caught:
        parse(text, NUMBERS)
    assert caught.value.code == code


def test_a_rate_that_is_no_number_is_a_fault_when_it_is_reached() -> None:
    with pytest.raises(Fault) as caught:
        evaluate(parse("1 / (epoch - 2)", NUMBERS), {"epoch": 2, "lr": 0.1})
    assert caught.value.code == "MS145"


# In a spec ----------------------------------------------------------------------------------------


def said(tmp_path: Any, text: str, ending: str = "yaml") -> list[tuple[str, str, str | None]]:
    """Code, the characters blamed, and suggestion of what `check` reports."""
    path = tmp_path / f"spec.{ending}"
    path.write_text(text, encoding="utf-8", newline="")
    lines = text.splitlines()
    found = ms.check(path).diagnostics
    return [
        (d.code, lines[d.line - 1][d.column - 1 : d.end_column - 1], d.suggestion) for d in found
    ]


def test_json_has_the_same_places(tmp_path: Any) -> None:
    text = '{"model": {"inputs": {"x": [3]}, "layers": [{"Expression": "1 + tahn(x)"}]}}'
    [(code, part, _)] = said(tmp_path, text, "json")
    assert (code, part) == ("MS142", "tahn")


def test_a_formula_that_is_no_text_says_what_one_is() -> None:
    from modelspec.catalog.formula.formula_setting import read_formula

    with pytest.raises(Unfit, match="a formula"):
        read_formula(3)
