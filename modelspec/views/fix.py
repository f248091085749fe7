"""`check --fix`: applies the safe edits of a file's diagnostics to its text; comments and layout
are kept.

Only edits that preserve the meaning of the file are applied (old spellings, MS220 to MS223), never
a guess. The new text is compiled before it is written: if its model differs from the old one, the
file is not changed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from modelspec.catalog.layers.layer import Layer
from modelspec.compiler.infer import TypedCall, TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.compiler.spec.training_section import Training
from modelspec.core.diagnostics import Checked, Diagnostic, Edit
from modelspec.core.diagnostics.derived import origin_of
from modelspec.core.paths import context_for
from modelspec.core.source import kind_of, read_text

ROUNDS = 50
"""Overlapping edits are applied in the next round; a file that needs more rounds has other
errors.
"""


@dataclass(frozen=True)
class Fixed:
    """A text before and after the edits."""

    name: str
    before: str
    after: str
    refused: str | None = None
    """Why the edits were not applied; a bug of modelspec, not an error of the file."""

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> str:
        """The changes as a unified diff."""
        lines = unified_diff(
            self.before.splitlines(True), self.after.splitlines(True), self.name, self.name, n=1
        )
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )


def fix_text(text: str, name: str) -> Fixed:
    """The text with every safe edit applied; unchanged if there are none, or if reading it
    fails.
    """
    before = compile_text(text, name)
    after, compiled = text, before
    for _ in range(ROUNDS):
        edited = apply(after, compiled.diagnostics)
        if edited == after:
            break
        after, compiled = edited, compile_text(edited, name)
    if after == text:
        return Fixed(name, text, text)
    if not _same(before, compiled):
        return Fixed(
            name,
            text,
            text,
            "the edits would change the model: please report this bug with the spec",
        )
    return Fixed(name, text, after)


def fix_file(path: Path) -> Fixed:
    """Fix a file in place, replacing it atomically. A file that cannot be read is not changed.

    Raises `OSError` if the new file cannot be written.
    """
    try:
        raw = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return Fixed(str(path), "", "")
    text = raw.removeprefix("\ufeff")
    fixed = fix_text(text, str(path))
    if fixed.changed:
        _write(path.resolve(), raw[: len(raw) - len(text)] + fixed.after)
    return fixed


def _write(path: Path, text: str) -> None:
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        shutil.copymode(path, beside)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def compile_text(text: str, name: str) -> Checked[Compiled | None]:
    """Check a text as if it were the file of that name."""
    read = read_text(text, name, kind_of(name))
    return compile_spec(read, context=context_for(Path(name)))


# Edits in a text ----------------------------------------------------------------------------------


def apply(text: str, diagnostics: Iterable[Diagnostic]) -> str:
    """The text with the edits of the diagnostics: all edits of a diagnostic or none, and the first
    of overlapping ones.
    """
    chosen: list[Edit] = []
    for one in diagnostics:
        edits = [Edit(origin_of(edit.span), edit.text) for edit in one.edits]
        fresh = [edit for edit in dict.fromkeys(edits) if edit not in chosen]
        if all(edit.span.source.text == text for edit in edits) and not _overlap(fresh, chosen):
            chosen.extend(fresh)
    breaks = "\r\n" if "\r\n" in text else "\n"
    for edit in sorted(chosen, key=lambda one: (one.span.start, one.span.end), reverse=True):
        text = text[: edit.span.start] + edit.text.replace("\n", breaks) + text[edit.span.end :]
    return text


def _overlap(edits: list[Edit], others: list[Edit]) -> bool:
    return any(_meet(edit, other) for edit in edits for other in others)


def _meet(a: Edit, b: Edit) -> bool:
    """Whether both change a common character, insert at one place, or one inserts within the
    other.
    """
    (_, start, end), (_, first, last) = a.span, b.span
    if start == end and first == last:
        return start == first
    if start == end or first == last:
        at, begin, close = (start, first, last) if start == end else (first, start, end)
        return begin < at < close
    return start < last and first < end


# Is it the same model? ----------------------------------------------------------------------------


def _same(before: Checked[Compiled | None], after: Checked[Compiled | None]) -> bool:
    """Whether two texts are equivalent: the layers with their settings and tensors, the training,
    the errors.
    """
    if _errors(before) != _errors(after):
        return False
    a, b = before.value, after.value
    if a is None or b is None:
        return a is b
    return _rows(a.graph) == _rows(b.graph) and _training(a) == _training(b)


def _errors(checked: Checked[Compiled | None]) -> list[tuple[str, str]]:
    return sorted((one.code, one.message) for one in checked.diagnostics if one.severity == "error")


def _rows(graph: TypedGraph | None) -> list[object]:
    """What a graph computes. Layers are identified by position, because automatic names depend on
    the names of kinds.
    """
    if graph is None:
        return []
    places = {call.name: index for index, call in enumerate(graph.layers)}
    outputs = [
        (places.get(ref.producer, ref.producer), ref.output) for ref in graph.graph.outputs.values()
    ]
    rows: list[object] = [dict(graph.inputs), outputs, list(graph.outputs.values())]
    for call in graph.layers:
        sources = [(places.get(ref.producer, ref.producer), ref.output) for ref in call.call.refs()]
        rows.append((_settings(call), sources, call.outputs, call.weights))
    return rows


def _settings(call: TypedCall) -> object:
    callee = call.call.callee
    if call.inside is not None or not isinstance(callee, Layer):
        return _rows(call.inside)
    return callee.kind(), callee.model_copy(update={"name": None})


def _training(compiled: Compiled) -> object:
    training = compiled.training
    if training is None:
        return None
    stages = [(one.name, _trained(one.training)) for one in training.stages]
    return _trained(training), stages


def _trained(training: Training) -> object:
    if training.choices is None:
        return None
    chosen = (training.metrics, training.weighted_metrics)
    return (
        training.choices.optimizer,
        training.epochs,
        training.batch_size,
        {name: one.settings for name, one in training.losses.items()},
        [(one.name, one.choices) for one in training.players],
        [
            {name: [one.settings for one in several] for name, several in each.items()}
            for each in chosen
        ],
        [one.settings for one in training.callbacks],
    )
