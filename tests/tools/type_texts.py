"""Types real specs: cuts off a line, inserts and deletes characters, and checks each text.

Prints how often nothing is reported outside of the edited line, how many of the layers that do not
depend on it still have their shape, and the most CPU time of one check:

    python -m tests.tools.type_texts [SEED] [EDITS OF EACH SPEC] [NAME ...]
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelspec.compiler.infer.typed_graph import TypedCall, TypedGraph
from modelspec.compiler.pipeline import Compiled, compile_spec
from modelspec.core.diagnostics import Checked, Diagnostic, Span
from modelspec.core.diagnostics.derived import causes_of, origin_of
from modelspec.core.paths import context_for
from modelspec.core.source import Mapping as Entries
from modelspec.core.source import Node, read_text, walk

ROOT = Path(__file__).absolute().parent.parent.parent
INSERTED = "aZ3 :-,[]{}'\"*&%#@`$.\t|>!?"
SECTIONS = ("vars", "blocks", "extends", "runtime")
"""Sections that any layer may depend on."""


@dataclass(frozen=True)
class Edit:
    """A line that is replaced."""

    kind: str
    line: int
    """From 1."""
    text: str


@dataclass
class Outcome:
    """What was found after one edit."""

    edit: Edit
    broken: bool
    """Whether the text has a syntax error."""
    own: int
    """Diagnostics on the edited line."""
    others: list[Diagnostic]
    kept: int
    """Layers that have the shape that they had, of those that do not depend on the line."""
    expected: int
    seconds: float


@dataclass
class Totals:
    """The outcomes of all edits of some kind."""

    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def quiet(self) -> float:
        """The share of edits after which nothing is reported on other lines."""
        return sum(not one.others for one in self.outcomes) / max(1, len(self.outcomes))

    @property
    def inferred(self) -> float:
        """The share of layers with their shape, of those that do not depend on the line."""
        kept = sum(one.kept for one in self.outcomes)
        return kept / max(1, sum(one.expected for one in self.outcomes))


# Edits ----------------------------------------------------------------------------------------------


def edits(text: str, rng: random.Random, count: int) -> Iterator[Edit]:
    """Edits of lines with content, drawn at random."""
    lines = text.split("\n")
    content = [at for at, line in enumerate(lines) if line.strip() and line.strip()[0] != "#"]
    for _ in range(count):
        at = rng.choice(content)
        line = lines[at]
        indent = len(line) - len(line.lstrip())
        kind = rng.choice(("cut", "cut", "cut", "insert", "delete"))
        column = rng.randrange(indent + (kind == "cut"), len(line) + (kind == "cut"))
        if kind == "cut":
            changed = line[:column]
        elif kind == "insert":
            changed = line[:column] + rng.choice(INSERTED) + line[column:]
        else:
            changed = line[:column] + line[column + 1 :]
        if changed != line:
            yield Edit(kind, at + 1, changed)


def applied(text: str, edit: Edit) -> str:
    lines = text.split("\n")
    lines[edit.line - 1] = edit.text
    return "\n".join(lines)


# Layers ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer of a spec: the line of its kind, its shape, and the lines that it depends on."""

    line: int
    shape: str
    lines: frozenset[int]


def lines_of(span: Span) -> Iterator[int]:
    """The lines of a place, and of the uses that led to it."""
    for one in (origin_of(span), *(origin_of(cause.span) for cause in causes_of(span))):
        yield from range(one.line, one.end_line + 1)


def own_lines(call: TypedCall) -> Iterator[int]:
    use = call.call.use
    yield from lines_of(use.kind_span)
    if use.body is not None:
        for node in walk(use.body):
            yield from lines_of(node.span)
    for ref in call.call.refs():
        yield from lines_of(ref.span)


@dataclass(frozen=True)
class Written:
    """Lines that layers depend on where they are used."""

    shared: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """By shared name: the line where it is defined."""
    loops: tuple[tuple[range, frozenset[int]], ...] = ()
    """For each loop or condition: the lines of its layers, and its other lines."""

    def around(self, lines: Iterable[int]) -> frozenset[int]:
        """The lines of the loops and conditions around some lines."""
        own = tuple(lines)
        heads = (head for body, head in self.loops if any(line in body for line in own))
        return frozenset().union(*heads)


def loops_of(root: Node) -> Iterator[tuple[range, frozenset[int]]]:
    for node in walk(root):
        body = node.entries.get("do") if isinstance(node, Entries) else None
        if body is None or not isinstance(node, Entries):
            continue
        others = (entry.span for key, entry in node.entries.items() if key != "do")
        inside = range(body.span.line, body.span.end_line + 1)
        yield inside, frozenset(line for span in others for line in lines_of(span))


def layers_of(
    graph: TypedGraph, written: Written, before: frozenset[int] = frozenset()
) -> list[Layer]:
    """Every layer in the order of the graph, those of sub-models too."""
    known: dict[str, frozenset[int]] = {
        one.name: frozenset(lines_of(one.span)) | before for one in graph.graph.inputs or ()
    }
    found: list[Layer] = []
    for call in (*graph.layers, *graph.partial):
        lines = frozenset(own_lines(call)) | before
        lines |= written.shared.get(str(call.shared), frozenset()) | written.around(lines)
        for ref in call.call.refs():
            lines |= known.get(ref.producer, frozenset())
        if call.inside is not None:
            inside = layers_of(call.inside, written, lines)
            found += inside
            lines = lines.union(*(one.lines for one in inside))
        known[call.name] = lines
        found.append(Layer(call.call.use.kind_span.line, str(call.output_shape), lines))
    return found


def section_of(text: str, line: int) -> str:
    """The section of a line."""
    name = ""
    for one in text.split("\n")[:line]:
        if one[:1].isalpha() or one[:1] in "'\"":
            name = one.partition(":")[0]
    return name


# Checks ---------------------------------------------------------------------------------------------


def check(text: str, path: Path) -> Checked[Compiled | None]:
    return compile_spec(read_text(text, str(path)), None, context_for(path))


def of_bracket(one: Diagnostic) -> bool:
    """Whether a fault is at a bracket or a quote that is not closed."""
    return one.span is not None and one.span.text[:1] in tuple("[({'\"")


class Typist:
    """Edits one spec."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        before = check(self.text, path)
        self.sound = before.ok and before.value is not None and before.value.graph is not None
        graph = before.value.graph if before.value is not None else None
        model = before.value.file.model if before.value is not None else None
        spans = model.shared_spans if model is not None else {}
        shared = {name: frozenset((span.line,)) for name, span in spans.items()}
        document = read_text(self.text, str(path)).value
        loops = () if document is None else tuple(loops_of(document.root))
        self.written = Written(shared, loops)
        self.layers = layers_of(graph, self.written) if graph is not None else []
        self.known = {(one.code, one.message) for one in before.diagnostics}

    def outcome(self, edit: Edit) -> Outcome:
        text = applied(self.text, edit)
        broken = read_text(text, str(self.path)).value is None
        start = time.process_time()
        checked = check(text, self.path)
        seconds = time.process_time() - start
        new = [one for one in checked.diagnostics if (one.code, one.message) not in self.known]
        others = [one for one in new if one.line != edit.line or one.file != str(self.path)]
        for code in ("MS103", "MS140"):  # where a bracket was opened: in YAML, in a formula
            if [one.code for one in new].count(code) == 1:
                others = [one for one in others if one.code != code or not of_bracket(one)]
        kept, expected = self.kept(checked, edit)
        return Outcome(edit, broken, len(new) - len(others), others, kept, expected, seconds)

    def kept(self, checked: Checked[Compiled | None], edit: Edit) -> tuple[int, int]:
        """How many layers have their shape, of how many that should."""
        if section_of(self.text, edit.line) in SECTIONS:
            return 0, 0
        graph = checked.value.graph if checked.value is not None else None
        found = Counter(
            (one.line, one.shape) for one in (layers_of(graph, self.written) if graph else ())
        )
        wanted = Counter((one.line, one.shape) for one in self.layers if edit.line not in one.lines)
        return sum((found & wanted).values()), sum(wanted.values())


def typed(path: Path, rng: random.Random, count: int) -> list[Outcome]:
    """The outcomes of edits of one spec; none if it is not sound."""
    typist = Typist(path)
    if not typist.sound:
        return []
    return [typist.outcome(edit) for edit in edits(typist.text, rng, count)]


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def show(title: str, outcomes: list[Outcome]) -> None:
    totals = Totals(outcomes)
    write(
        f"{title:42} {len(outcomes):6} edits, nothing elsewhere {totals.quiet:7.2%},"
        f" layers with shape {totals.inferred:7.2%}"
    )


def main(arguments: list[str]) -> None:
    seed = int(arguments[0]) if arguments else 1
    count = int(arguments[1]) if len(arguments) > 1 else 40
    names = arguments[2:]
    paths = sorted((ROOT / "configs").glob("*.yaml"))
    outcomes: list[tuple[Path, Outcome]] = []
    for path in paths:
        if names and path.stem not in names:
            continue
        rng = random.Random(f"{seed} {path.stem}")
        outcomes += [(path, one) for one in typed(path, rng, count)]
    every = [one for _, one in outcomes]
    for path, one in outcomes:
        if one.others or one.kept < one.expected:
            write(
                f"{path.stem}:{one.edit.line} {one.edit.kind} {one.edit.text!r}"
                f" {'broken' if one.broken else ''} {one.kept}/{one.expected}"
            )
            for other in one.others[:4]:
                write(f"      {other}")
    show("all", every)
    show("with a syntax error", [one for one in every if one.broken])
    show("fault on the edited line, no syntax error", [o for o in every if not o.broken and o.own])
    show("no fault on the edited line", [o for o in every if not o.broken and not o.own])
    slowest = max(outcomes, key=lambda pair: pair[1].seconds)
    write(f"most CPU: {slowest[1].seconds * 1000:.0f} ms ({slowest[0].stem})")


if __name__ == "__main__":
    main(sys.argv[1:])
