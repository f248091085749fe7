"""JSON text to values, and every way to get JSON wrong at its place."""

from __future__ import annotations

import pytest

from modelspec.core.source import plain, read_text

JSON_FAULTS: list[tuple[str, str, int]] = [
    ('{"a": NaN}', "MS109", 7),
    ('{"a": -Infinity}', "MS109", 7),
    ('{"a": 1e999}', "MS109", 7),
    ('{"a": 99999999999999999999}', "MS109", 7),
    ('{"a": 1, "a": 2}', "MS104", 10),
    ('{"a": [1,]}', "MS103", 9),
    ('{"a": 1,}', "MS103", 8),
    ('{"a": 1 "b": 2}', "MS103", 9),
    ('{"a" 1}', "MS103", 6),
    ("{'a': 1}", "MS103", 2),
    ("{\"a\": 'b'}", "MS103", 7),
    ("{a: 1}", "MS107", 2),
    ("{1: 2}", "MS107", 2),
    ('{"a": 1} // c', "MS103", 10),
    ('{"a": 1 /* c */}', "MS103", 9),
    ('{"a": # c', "MS103", 7),
    ('{"a": True}', "MS103", 7),
    ('{"a": None}', "MS103", 7),
    ('{"a": relu}', "MS103", 7),
    ('{"a": 0777}', "MS103", 7),
    ('{"a": 1_000}', "MS103", 7),
    ('{"a": +1}', "MS103", 7),
    ('{"a": .5}', "MS103", 7),
    ('{"a": 5.}', "MS103", 7),
    ('{"a": 0x1F}', "MS103", 7),
    ('{"a": "\\ud800"}', "MS102", 8),
    ('{"a": "\\udc00"}', "MS102", 8),
    ('{"a": "\\x"}', "MS103", 8),
    ('{"a": "\\u12"}', "MS103", 8),
    ('{"a": "b\tc"}', "MS103", 9),
    ('{"a": "b\nc"}', "MS103", 9),
    ('{"a": "b', "MS103", 7),
    ('{"a": [1, [2', "MS103", 11),
    ('{"a": 1', "MS103", 1),
    ("{", "MS103", 1),
    ('{"a":', "MS103", 6),
    ('{"a": [1}', "MS103", 9),
    ('{"a": 1}}', "MS103", 9),
    ('{"a": 1}{"b": 2}', "MS110", 9),
    ("[1]", "MS111", 1),
    ("3", "MS111", 1),
    ("", "MS111", 1),
    ("  ", "MS111", 1),
    ('{"a": "\x07"}', "MS102", 8),
    ('{"a": ]}', "MS103", 7),
    ('{"a": ' + "[" * 1000, "MS108", 106),
    ('{"a": nullx}', "MS103", 7),
    ('{"a": truefalse}', "MS103", 7),
    ('{"a": -}', "MS103", 7),
    ('{,"a": 1}', "MS103", 2),
]


@pytest.mark.parametrize(("text", "code", "column"), JSON_FAULTS)
def test_json_has_its_faults_at_their_places(text: str, code: str, column: int) -> None:
    (fault,) = read_text(text, "spec", "json").diagnostics
    assert (fault.code, fault.line, fault.column) == (code, 1, column)
    assert fault.help


def value_of(text: str) -> object:
    checked = read_text(text, "spec", "json")
    assert checked.diagnostics == ()
    assert checked.value is not None
    return plain(checked.value.root)


def test_json_texts_that_are_well_have_their_values() -> None:
    written = (
        '\ufeff{"a": [1, -0, 1.5e3, true, null, "\\ud83d\\ude00\\u00e9\\n\\/"], "b": {}, "c": []}'
    )
    assert value_of(written) == {
        "a": (1, 0, 1500.0, True, None, "\U0001f600é\n/"),
        "b": {},
        "c": (),
    }
    assert value_of('{"<<": {"a": 1}, "no": "*x"}') == {"<<": {"a": 1}, "no": "*x"}
