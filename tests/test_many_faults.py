"""Of a great many faults all are counted, and no more are looked for, shown or kept than help."""

from __future__ import annotations

import json

import pytest

import modelspec as ms
from modelspec.compiler.pipeline import compile_spec
from modelspec.core.diagnostics import MOST, Collector, Diagnostic, Source, Span, TooManyFaults
from modelspec.core.diagnostics.render import json as as_json
from modelspec.core.diagnostics.render import text as as_text
from modelspec.core.source import read_text
from tests.growing_forms import FORMS

SOURCE = Source("spec.yaml", "a: 1\n" * 5_000)


def faults(count: int, severity: str = "error", code: str = "MS202") -> list[Diagnostic]:
    return [
        Diagnostic(code, severity, f"fault {number}", Span(SOURCE, number, number + 1))  # type: ignore[arg-type]  # a word of three
        for number in range(count)
    ]


def test_a_thousand_are_written_out_as_they_are() -> None:
    shown = as_text.render(faults(as_text.SHOWN))
    assert shown.count("error[") == as_text.SHOWN
    assert "more are not shown" not in shown


def test_of_more_the_rest_is_counted_by_code() -> None:
    found = [*faults(as_text.SHOWN), *faults(30, code="MS301")]
    shown = as_text.render(found)
    assert shown.count("error[") == as_text.SHOWN
    assert "30 more are not shown (30 MS301)" in shown
    assert shown.endswith("1030 errors\n")


def test_errors_are_shown_before_warnings_in_the_order_of_the_file() -> None:
    found = [*faults(as_text.SHOWN, "warning", "MS307"), *faults(5)]
    shown = as_text.render(found)
    assert shown.count("error[") == 5
    assert "5 more are not shown (5 MS307)" in shown
    assert shown.index("warning[MS307]: fault 0\n") < shown.index("error[MS202]: fault 0\n")


def test_programs_are_given_all() -> None:
    written = json.loads(as_json.render(faults(3_000)))
    assert len(written["diagnostics"]) == 3_000
    assert not written["ok"]


def test_a_stage_that_finds_too_many_keeps_them() -> None:
    report = Collector(10)
    with pytest.raises(TooManyFaults) as many:
        report.extend(faults(12))
    assert len(many.value.found) == 12
    last = many.value.last("the rest")
    assert (last.code, last.line) == ("MS108", 1)
    assert last.message == "stopped after 12 errors; the rest was not checked"


@pytest.mark.parametrize("kind", ["unknown settings of an optimizer", "wrong shapes of inputs"])
def test_a_spec_with_too_many_says_so_beside_them(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelspec.compiler.spec.spec_file.MOST", 50)
    checked = compile_spec(read_text(FORMS[kind](200), "spec.yaml"))
    assert checked.value is None
    assert checked.diagnostics[0].code == "MS108"
    assert len(checked.diagnostics) >= 50
    assert MOST > as_text.SHOWN


def test_expansion_says_where_it_stopped() -> None:
    found = compile_spec(read_text(FORMS["unknown sections"](1_500), "spec.yaml")).diagnostics
    assert len(found) == 1_001
    assert found[0].message == "stopped after 1,000 errors; the rest of the spec was not checked"


BLOCK = """\
blocks:
  b: {parameters: {units: 3}, layers: [{Dense: {units: $units, name: head}}]}
  c: {layers: [{Dense: {units: 2, name: head}}, {Dense: {units: 2, from: head.foo}}]}
model:
  inputs: {x: [4]}
  layers:
    - Dense: 2
"""


@pytest.mark.parametrize(
    "use",
    [
        "    - b: {unitz: 3, repeat: 0}\n",
        "    - b: {unitz: 3, when: false}\n",
        "    - for: {i: []}\n      do: [{b: {unitz: $i}}]\n",
        "    - when: false\n      do: [{b: {unitz: 3}}]\n",
    ],
)
def test_the_parameters_of_a_use_that_is_left_out_are_checked(use: str) -> None:
    found = compile_spec(read_text(BLOCK + use, "spec.yaml")).diagnostics
    assert [(one.code, one.suggestion) for one in found] == [("MS202", "units")]


def test_right_parameters_of_a_use_that_is_left_out_are_no_fault() -> None:
    use = "    - b: {units: 3, name: a, from: x, repeat: 0}\n    - b: {units: 3, when: false}\n"
    assert compile_spec(read_text(BLOCK + use, "spec.yaml")).diagnostics == ()


def test_a_reference_in_a_block_is_corrected_in_the_words_of_the_block() -> None:
    found = compile_spec(read_text(BLOCK + "    - c: {name: stem}\n", "spec.yaml")).diagnostics
    assert [(one.code, one.suggestion) for one in found] == [("MS305", "head")]
    assert found[0].help == "it has one: write `head`"


def test_a_layer_has_no_weights() -> None:
    entry = {"Dense": {"units": 2, "weights": None}}
    report = ms.check({"model": {"inputs": {"x": [4]}, "layers": [entry]}})
    assert [(one.code, one.severity) for one in report.diagnostics] == [("MS202", "error")]
