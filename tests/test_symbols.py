"""The symbol table that expansion and linking share, and automatic names."""

from __future__ import annotations

from modelspec.compiler.graph.symbols import SymbolTable, TensorName, output_index
from modelspec.core.automatic_names import AutomaticNames, unnumbered
from modelspec.core.diagnostics import Collector, Source, Span

from .expanding import said

TEXT = "first second third"
FIRST, SECOND, THIRD = (Span(Source("spec.yaml", TEXT), at, at + 5) for at in (0, 6, 13))


def table() -> SymbolTable[str]:
    return SymbolTable[str](Collector())


def test_a_name_is_defined_once_and_the_second_place_is_reported_with_the_first() -> None:
    names = table()
    assert names.define("a", "one", FIRST)
    assert not names.define("a", "two", SECOND)
    (fault,) = names.collector.diagnostics
    assert (fault.code, fault.span, [note.span for note in fault.notes]) == (
        "MS304",
        SECOND,
        [FIRST],
    )


def test_rounds_of_one_loop_share_a_name_and_those_of_two_loops_do_not() -> None:
    names, loop = table(), object()
    assert names.define("a", "one", FIRST, loop)
    assert names.define("a", "two", SECOND, loop)
    assert not names.define("a", "three", THIRD, object())
    assert names.symbols["a"] == "three"


def test_what_a_reference_without_a_symbol_is_reported_as() -> None:
    names = table()
    names.define("encoded", "one", FIRST)
    names.upcoming["below"] = SECOND
    names.excluded["gone"] = SECOND
    for text in ("encoded.0", "below", "gone", "encodde.0"):
        found = names.resolve(TensorName.parse(text), THIRD)
        assert (found == "one") is (text == "encoded.0")
    codes = [(one.code, one.suggestion) for one in names.collector.found]
    assert codes == [("MS303", None), ("MS132", None), ("MS302", "encoded.0")]


def test_an_unknown_name_is_not_reported_where_an_entry_in_error_may_have_it() -> None:
    names = table()
    assert names.resolve(TensorName.parse("a"), FIRST, complete=False) is None
    assert not names.collector.found


def test_an_output_is_selected_by_name_before_number() -> None:
    assert output_index("1", ("1", "0"), 2) == 0
    assert output_index("1", ("a", "b"), 2) == 1
    assert output_index("2", ("a", "b"), 2) is None
    assert output_index("-1", ("a", "b"), 2) is None


def test_automatic_names_are_numbered_for_each_base_and_pass_over_what_is_taken() -> None:
    names = AutomaticNames()
    taken = {"dense_1"}
    found = [names.next(base, lambda name: name not in taken) for base in ("dense",) * 2 + ("add",)]
    assert found == ["dense", "dense_2", "add"]
    assert [unnumbered(name) for name in found] == ["dense", "dense", "add"]


def test_the_name_of_a_malformed_entry_that_is_taken_is_reported_at_the_entry() -> None:
    spec = """\
    model:
      inputs: {x: [4]}
      layers:
        - Dense: {units: 4, name: a}
        - {units: 4, name: a}
    """
    assert "MS304 5:7 {units: 4, name: a}" in said(spec)
