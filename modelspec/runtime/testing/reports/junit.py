"""Outcomes as a JUnit report, which GitLab, Jenkins and others display.

A suite for each spec, a case for its check, its training and each of its measured expectations.
Source: the schema of Jenkins's xUnit plugin, junit-10.xsd; GitLab's "Unit test reports".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from modelspec.core.diagnostics.render.text import render as rendered

from ..outcome import Outcome
from .rows import row_of

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 does not allow."""


def render(outcomes: Sequence[Outcome]) -> str:
    """The report as XML."""
    root = Element("testsuites", name="modelspec test")
    for one in outcomes:
        root.append(_suite(one))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{sum(one.seconds for one in outcomes):.3f}")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(one: Outcome) -> Element:
    suite = Element("testsuite", name=_text(one.file), time=f"{one.seconds:.3f}")
    cases = list(_cases(one))
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _cases(one: Outcome) -> Iterator[Element]:
    """`check`, `training` if there is one, and the measured expectations."""
    checked = _case(one, "check", 0.0)
    if one.state == "errors":
        faults = [found for found in one.diagnostics if found.severity == "error"]
        first = faults[0].message if faults else one.fault
        _fault(checked, "failure", first, rendered(tuple(faults)) if faults else one.output)
    yield checked
    if one.state in ("errors", "checked"):
        return
    trained = _case(one, "training", one.seconds)
    if one.state == "failed":
        _fault(trained, "error", one.fault, one.output)
    elif one.state in ("interrupted", "left out"):
        SubElement(trained, "skipped", message=_text(one.fault))
    if one.output:
        SubElement(trained, "system-out").text = _text(one.output)
    yield trained
    for decision in one.decisions:
        case = _case(one, f"{decision.key} {decision.expected}", 0.0)
        _, expected, measured, margin, verdict = row_of(decision)
        said = f"{verdict}: expected {expected}, measured {measured or 'nothing'}"
        if decision.holds is False and decision.severity == "error":
            _fault(case, "failure", said, f"{said}, margin {margin}" if margin else said)
        elif decision.holds is None:
            SubElement(case, "skipped", message=_text(verdict))
        yield case


def _case(one: Outcome, name: str, seconds: float) -> Element:
    return Element("testcase", classname=_text(one.file), name=_text(name), time=f"{seconds:.3f}")


def _fault(case: Element, tag: str, message: str, text: str) -> None:
    found = SubElement(case, tag, message=_text(message), type=tag)
    found.text = _text(text)


def _text(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
