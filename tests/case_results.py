"""Whether a spec is what its comments say: only the public API is asked, and the line where a call
is written.

What a case does not say of diagnostics is asserted too: there are those that it names and no
others.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

import modelspec as ms
from modelspec.core.diagnostics import Span
from modelspec.core.diagnostics.derived import causes_of, origin_of

from .case_files import OF_A_LAYER, OF_THE_SPEC, Assertion, Case, Expected, at, expected_diagnostics

Loaded = tuple[ms.Spec | None, tuple[ms.Diagnostic, ...]]
COUNTS = ("parameters", "trainable", "flops")


def complaints(case: Case) -> list[str]:
    """What is not as the case says; empty where all is."""
    if not case.assertions:
        return ["it asserts nothing; write `# ok` where all is well"]
    with tempfile.TemporaryDirectory() as folder:
        spec, diagnostics = _loaded_in(Path(folder), case)
    found = [*_wrong_diagnostics(case, diagnostics), *wrong_specs(case, spec)]
    found += (
        ["diagnostics are not in file order"] if list(diagnostics) != _sorted(diagnostics) else []
    )
    for one in case.assertions:
        if one.word == "because":
            found += _wrong_reasons(case, one, diagnostics)
        elif one.word in OF_A_LAYER and one.line is not None:
            found += _wrong_layers(one, spec)
    return found


def _loaded_in(folder: Path, case: Case) -> Loaded:
    """The case in a folder of its own, which is the working directory: files then have the names
    that the case gives them.
    """
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with contextlib.chdir(folder):
        overrides = {path: value for path, (value, _) in case.overrides.items()}
        return loaded(Path("spec.yaml"), overrides)


def loaded(path: Path, overrides: Mapping[str, Any] | None = None) -> Loaded:
    """The spec of a file, None where it has errors, and its diagnostics."""
    try:
        spec = ms.load_spec(path, overrides)
    except ms.SpecError as error:
        return None, error.diagnostics
    if spec.compiled.sweep is not None:  # its trials are checked too
        report = ms.check(path, overrides)
        return spec if report.ok else None, report.diagnostics
    return spec, spec.diagnostics


# Diagnostics --------------------------------------------------------------------------------------


def _wrong_diagnostics(case: Case, diagnostics: tuple[ms.Diagnostic, ...]) -> Iterator[str]:
    left = list(diagnostics)
    for expected in expected_diagnostics(case):
        wanted = (expected.severity, expected.code, expected.line)
        alike = [one for one in left if (one.severity, one.code, _line(case, one.span)) == wanted]
        if not alike:
            yield f"{expected}: there is no such diagnostic"
            continue
        best = min(alike, key=lambda one: len(list(_differences(case, expected, one))))
        left.remove(best)
        for difference in _differences(case, expected, best):
            yield f"{expected}: {difference}"
    for one in left:
        place = f" `{_text(one.span)}` @{one.column}" if one.span else ""
        line = at(_line(case, one.span))
        yield f"{line}{one.severity} {one.code}{place} is not in the case: {one.message}"


def _sorted(diagnostics: tuple[ms.Diagnostic, ...]) -> list[ms.Diagnostic]:
    return sorted(diagnostics, key=lambda one: (one.file or "", one.line or 0, one.column or 0))


def _differences(case: Case, expected: Expected, found: ms.Diagnostic) -> Iterator[str]:
    yield from _misplaced(case, expected, found)
    if any(words not in found.message for words in expected.words):
        yield f"it says: {found.message}"
    if any(words not in (found.help or "") for words in expected.help):
        yield f"its help is: {found.help}"
    if expected.fix is not None and expected.fix != (found.suggestion or "none"):
        yield f"its fix is: {found.suggestion}"


def _misplaced(case: Case, expected: Expected, found: ms.Diagnostic) -> Iterator[str]:
    text = _text(found.span)
    if expected.column is not None and expected.column != found.column:
        yield f"it is at column {found.column}"
    if expected.place is not None and expected.place != text:
        yield f"it is at `{text}`"
    elif expected.place is not None and expected.column is None and _is_twice(case, expected):
        yield f"`{text}` is there more than once; write `@{found.column}`"


def _is_twice(case: Case, expected: Expected) -> bool:
    if expected.line is None or expected.place is None:
        return False
    place = rf"(?<!\w){re.escape(expected.place)}(?!\w)"
    return len(re.findall(place, case.code(expected.line))) > 1


def _wrong_reasons(
    case: Case, expected: Assertion, diagnostics: tuple[ms.Diagnostic, ...]
) -> Iterator[str]:
    """`because: "words"`: a note of a diagnostic leads to this line, or has no line of its own."""
    notes = [
        note.message
        for one in diagnostics
        for note in one.notes
        if _line(case, note.span or one.span) == expected.line
    ]
    words = expected.value.strip('"')
    if not any(words in note for note in notes):
        yield f"{at(expected.line)}no note says `{words}`, but: {notes}"


def _line(case: Case, span: Span | None) -> int | None:
    """The line in the file of the case; a value that was set is at its `# set:`."""
    if span is None:
        return None
    path = span.file.removeprefix("--set ")
    return case.overrides[path][1] if path in case.overrides else span.line


def _text(span: Span | None) -> str:
    return " ".join(span.text.split()) if span else ""


# Layers -------------------------------------------------------------------------------------------


def _wrong_layers(expected: Assertion, spec: ms.Spec | None) -> Iterator[str]:
    found = _values(spec, expected) if spec is not None else []
    wanted = [item.strip() for item in expected.value.split(" | ")]
    if not found:
        yield f"{at(expected.line)}no layer is there to have the {expected.word} {expected.value}"
    elif found != wanted and (len(wanted) > 1 or set(found) != set(wanted)):
        yield f"{at(expected.line)}{expected.word} is {' | '.join(found)}, not {expected.value}"


def _values(spec: ms.Spec, expected: Assertion) -> list[str]:
    """What the layers of a line have, those that are written there, in order.

    On the use of a block, a loop or a kind of the library: what its last layer has, and the sum
    of counts.
    """
    word, line = expected.word, expected.line
    levels = list(_levels(spec.graph.layers))
    written = [one for level in levels for one in level if _is_at(_place(one), line)]
    if written:
        return [_value(one, word) for one in written]
    for level in levels:
        used = [one for one in level if _is_used_at(_place(one), line)]
        if used and word in COUNTS:
            return [str(sum(int(_value(one, word)) for one in used))]
        if used:
            return [_value(used[-1], word)]
    return []


def _levels(layers: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The calls of the model, those of the models that it calls, and so on."""
    while layers:
        yield layers
        layers = tuple(
            inner for layer in layers if layer.inside is not None for inner in layer.inside.layers
        )


def _place(layer: Any) -> Span:
    """Where the call is written: the name of its kind."""
    span: Span = layer.call.use.kind_span
    return span


def _is_at(span: Span, line: int | None) -> bool:
    origin = origin_of(span)
    return not origin.source.shipped and origin.line == line


def _is_used_at(span: Span, line: int | None) -> bool:
    """Whether a use on the line led to the place."""
    return any(
        _is_at(cause.span, line) or _is_used_at(cause.span, line) for cause in causes_of(span)
    )


def _value(layer: Any, word: str) -> str:
    attribute = {
        "shape": "output_shape",
        "dtype": "output_dtype",
        "takes": "inputs",
        "trainable": "trainable_parameters",
    }.get(word, word)
    value = getattr(layer, attribute)
    return ", ".join(value) if word == "takes" else shown(value)


# The spec as a whole ------------------------------------------------------------------------------


def wrong_specs(case: Case, spec: ms.Spec | None) -> Iterator[str]:
    """What is not as the lines say that are about the spec as a whole."""
    for one in case.assertions:
        if one.line is not None or one.word not in OF_THE_SPEC:
            continue
        if spec is None:
            yield f"`{one.word}`: the spec has errors"
        elif one.word == "layers":
            yield from _wrong_rows(spec.graph, one.value.splitlines())
        elif one.word != "ok" and (found := _total(spec.graph, one.word)) != one.value:
            yield f"{one.word} is {found}, not {one.value}"


def _total(graph: Any, word: str) -> str:
    if word in ("inputs", "outputs"):
        tensors = graph.inputs if word == "inputs" else graph.outputs
        return shown({name: tensor.shape for name, tensor in tensors.items()})
    return _value(graph, word)


def _wrong_rows(graph: Any, wanted: list[str]) -> Iterator[str]:
    """Every layer as `name: Kind(tensors)`, with its shape where the case has it too."""
    for number, (layer, wants) in enumerate(zip_longest(graph.layers, wanted), 1):
        has = "not there"
        if layer is not None:
            has = f"{layer.name}: {layer.kind}({', '.join(layer.inputs)})"
            has += f" -> {shown(layer.output_shape)}" if wants and " -> " in wants else ""
        if has != wants:
            yield f"layer {number} is {has}, not {wants or 'in the case'}"


def shown(value: Any) -> str:
    """A shape (or several, or any other value) as a user reads it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {shown(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(shown(one) for one in value) + "]"
    if isinstance(value, tuple):
        first = ["batch" if value[0] is None else str(value[0])] if value else []
        return "(" + ", ".join([*first, *(shown(size) for size in value[1:])]) + ")"
    return "unknown" if value is None else str(value)
