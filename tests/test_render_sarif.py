"""Diagnostics as SARIF 2.1.0."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import jsonschema

from modelspec.core.diagnostics import Diagnostic, Note, Source, Span
from modelspec.core.diagnostics.pages import page
from modelspec.core.diagnostics.render import sarif

# The part of the SARIF 2.1.0 schema that is used here, closed: a property that is not listed is an
# error. Source: sarif-schema-2.1.0.json of the standard, with `additionalProperties: false` as
# there.
PLACES = ["startLine", "startColumn", "endLine", "endColumn"]
REGION = {
    "type": "object",
    "additionalProperties": False,
    "required": PLACES,
    "properties": {key: {"type": "integer", "minimum": 1} for key in PLACES},
}
MESSAGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string"}},
}
ARTIFACT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["uri"],
    "properties": {"uri": {"type": "string", "pattern": r"^[A-Za-z0-9\-._~%/:]*$"}},
}
PHYSICAL = {
    "type": "object",
    "additionalProperties": False,
    "required": ["artifactLocation", "region"],
    "properties": {"artifactLocation": ARTIFACT, "region": REGION},
}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": -1},
        "physicalLocation": PHYSICAL,
        "message": MESSAGE,
    },
}
MULTIFORMAT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string"}, "markdown": {"type": "string"}},
}
RULE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "shortDescription": MULTIFORMAT,
        "fullDescription": MULTIFORMAT,
        "help": MULTIFORMAT,
    },
}
REPLACEMENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["deletedRegion"],
    "properties": {"deletedRegion": REGION, "insertedContent": MESSAGE},
}
CHANGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["artifactLocation", "replacements"],
    "properties": {
        "artifactLocation": ARTIFACT,
        "replacements": {"type": "array", "minItems": 1, "items": REPLACEMENT},
    },
}
FIX = {
    "type": "object",
    "additionalProperties": False,
    "required": ["artifactChanges"],
    "properties": {
        "artifactChanges": {"type": "array", "minItems": 1, "uniqueItems": True, "items": CHANGE}
    },
}
RESULT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["ruleId", "ruleIndex", "level", "message"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "message": MESSAGE,
        "locations": {"type": "array", "items": LOCATION},
        "relatedLocations": {"type": "array", "uniqueItems": True, "items": LOCATION},
        "fixes": {"type": "array", "uniqueItems": True, "items": FIX},
    },
}
DRIVER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "version": {"type": "string"},
        "rules": {"type": "array", "uniqueItems": True, "items": RULE},
    },
}
RUN = {
    "type": "object",
    "additionalProperties": False,
    "required": ["tool", "results"],
    "properties": {
        "tool": {
            "type": "object",
            "additionalProperties": False,
            "required": ["driver"],
            "properties": {"driver": DRIVER},
        },
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    },
}
SARIF = {
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"enum": ["2.1.0"]},
        "runs": {"type": "array", "items": RUN},
    },
}


def checked_sarif(found: list[Diagnostic], **options: Any) -> Any:
    log = json.loads(sarif.render(found, **options))
    jsonschema.Draft7Validator(SARIF).validate(log)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    return run


def test_sarif_is_what_the_standard_asks_for() -> None:
    source = Source("a b/é:x.yaml", "a: 0777\nb: 1\n")
    faults = [
        Diagnostic("MS112", "error", "zeros", Span(source, 3, 7), (Note("n"),), "write it", "777"),
        Diagnostic(
            "MS104", "warning", "twice", Span(source, 8, 9), (Note("first", Span(source, 0, 1)),)
        ),
        Diagnostic("MS112", "note", "no place", None, suggestion="x"),
        Diagnostic("MS999", "error", "no page", Span(Source("/tmp/x.yaml", ""), 0, 0)),
    ]
    run = checked_sarif(faults, version="0.1.0")
    assert run["tool"]["driver"]["version"] == "0.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["MS104", "MS112", "MS999"]
    first, second, third, fourth = run["results"]
    place = first["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 8}
    assert unquote(place["artifactLocation"]["uri"]) == "a b/é:x.yaml"
    assert first["message"]["text"] == "zeros\nwrite it"
    assert first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"] == {
        "text": "777"
    }
    assert second["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 1
    assert "locations" not in third
    assert "fixes" not in third
    assert (
        fourth["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        == "file:///tmp/x.yaml"
    )


def test_sarif_of_nothing_is_a_run_without_results() -> None:
    assert checked_sarif([]) == {
        "tool": {"driver": {"name": "modelspec", "rules": []}},
        "columnKind": "unicodeCodePoints",
        "results": [],
    }


def test_sarif_rules_are_the_manual_pages() -> None:
    run = checked_sarif([Diagnostic("MS104", "error", "m", None)])
    (rule,) = run["tool"]["driver"]["rules"]
    manual = page("MS104")
    assert manual is not None
    assert rule["shortDescription"]["text"] == manual.title
    assert rule["fullDescription"]["text"] == manual.prose
    assert "```yaml" in rule["help"]["markdown"]
