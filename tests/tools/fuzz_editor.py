"""Random edits of real specs, as somebody types them: characters, words, lines, cuts, pastes, undo.
After each, everything that an editor asks for is answered.

    python -m tests.tools.fuzz_editor [EDITS] [SEED]

Fails at an exception, at a place outside of the text, at an answer that differs from that for the
same text read afresh, and at memory that grows.
"""

from __future__ import annotations

import random
import re
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from modelspec.core.diagnostics import Span
from modelspec.editor.analysis import Analysis, analyze
from modelspec.editor.completion import completions
from modelspec.editor.fixes import fix_all, fixes
from modelspec.editor.folding import folds
from modelspec.editor.hints import hints
from modelspec.editor.hover import hover
from modelspec.editor.lenses import lenses
from modelspec.editor.names import definition, prepare_rename, references
from modelspec.editor.open_files import Change, OpenFile
from modelspec.editor.outline import Item, outline
from modelspec.editor.pictures import drawn
from modelspec.editor.positions import Position
from modelspec.editor.problems import problems
from modelspec.editor.tokens import tokens

ROOT = Path(__file__).parent.parent.parent
_WORDS = (
    *("model:", "layers:", "- Dense: 4", "from: x", "$width", "$(2 * w)", "blocks:", "training:"),
    *(
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "&a ",
        "*a",
        "'",
        '"',
        "#",
        "|",
        "null",
        "\t",
        "é",
        "\U0001f600",
    ),
    *("name: a", "extends: other.yaml", "repeat: 3", "loss: mse", "\r\n", "\n", "\n\n", "  "),
)


def specs() -> list[tuple[str, str]]:
    """The names and texts of real specs, as YAML and as JSON."""
    import json

    import yaml

    found = [(path.name, path.read_text()) for path in sorted(ROOT.glob("configs/*.yaml"))]
    found = [one for one in found if len(one[1]) < 4_000]
    for name, text in found[:6]:
        content = json.dumps(yaml.safe_load(text), indent=2, default=str)
        found.append((name.replace(".yaml", ".json"), content))
    return found


def edits(text: str, random_: random.Random) -> Iterator[Change]:
    """Endless edits of the text that `send` has given last."""
    undo: list[Change] = []
    while True:
        start, end, new = _edit(text, random_)
        if undo and random_.random() < 0.25:
            text = (yield undo.pop()) or text
            continue
        undo.append(
            _between(text[:start] + new + text[end:], start, start + len(new), text[start:end])
        )
        text = (yield _between(text, start, end, new)) or text


def _edit(text: str, random_: random.Random) -> tuple[int, int, str]:
    at = random_.randrange(len(text) + 1)
    action = random_.random()
    if action < 0.35:
        return at, at, random_.choice("abD:-{}[],$()'\"# \n01._xé")
    if action < 0.55:
        return at, min(len(text), at + random_.randrange(1, 4)), ""
    if action < 0.7:
        return at, at, random_.choice(_WORDS)
    line = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    end = len(text) if end < 0 else end + 1
    if action < 0.8:
        return line, end, ""
    if action < 0.9:
        return line, line, text[line:end]
    other = random_.randrange(len(text) + 1)
    return at, at, text[other : other + random_.randrange(1, 120)]


def _between(text: str, start: int, end: int, new: str) -> Change:
    """A change as an editor sends it; columns are counted here without the code under test."""
    return Change(new, _position(text, start), _position(text, end))


def _position(text: str, offset: int) -> Position:
    before = text[:offset].replace("\r\n", " \n").replace("\r", "\n")
    if text[offset - 1 : offset + 1] == "\r\n":  # between the two: the end of the line
        before = text[: offset - 1].replace("\r\n", " \n").replace("\r", "\n")
    line = before.rpartition("\n")[2]
    return Position(before.count("\n"), len(line.encode("utf-16-le")) // 2)


# Questions ----------------------------------------------------------------------------------------


def answers(analysis: Analysis, offset: int) -> dict[str, Any]:
    """Everything that an editor asks for, by the name of the question."""
    document = analysis.document
    asked: dict[str, Callable[[], Any]] = {
        "problems": lambda: {
            name: [(one.code, one.span.start, one.span.end, one.message) for one in some]
            for name, some in problems(analysis).items()
        },
        "hints": lambda: hints(analysis, 0, None, offset),
        "outline": lambda: outline(document.root) if document is not None else (),
        "folds": lambda: folds(analysis),
        "lenses": lambda: lenses(analysis),
        "tokens": lambda: tokens(analysis),
        "hover": lambda: hover(analysis, offset),
        "completions": lambda: completions(analysis, offset),
        "definition": lambda: _places(definition(analysis, offset)),
        "references": lambda: _places(references(analysis, offset, True)),
        "rename": lambda: _places([prepare_rename(analysis, offset)]),
        "fixes": lambda: [one[:2] for one in fixes(analysis, 0, len(analysis.text))],
    }
    return {name: question() for name, question in asked.items()}


def rare_answers(analysis: Analysis) -> tuple[Any, Any]:
    """Answers that take longer: a client asks for them rarely."""
    return drawn(analysis), fix_all(analysis)


def _places(spans: list[Span | None]) -> list[tuple[str, int, int]]:
    return [(one.file, one.start, one.end) for one in spans if one is not None]


def outside(analysis: Analysis, found: dict[str, Any]) -> list[str]:
    """The answers with a place that is not in the text."""
    size, last = len(analysis.text), len(analysis.lines.starts)
    ranges = [
        *(("hints", one.offset, one.offset) for one in found["hints"]),
        *(("lenses", one.start, one.end) for one in found["lenses"]),
        *(("tokens", one.start, one.end) for one in found["tokens"]),
        *(("completions", one.start, one.end) for one in found["completions"]),
        *(("outline", one.start, one.end) for one in _items(found["outline"])),
        *(("outline", one.name_start, one.name_end) for one in _items(found["outline"])),
        *(("problems", *one[1:3]) for one in found["problems"][analysis.name]),
        *(
            (name, start, end)
            for name in ("definition", "references", "rename")
            for file, start, end in found[name]
            if file == analysis.name
        ),
    ]
    ranges += [("hover", *found["hover"][1:])] if found["hover"] is not None else []
    wrong = [f"{one}" for one in ranges if not 0 <= one[1] <= one[2] <= size]
    wrong += [f"folds {one}" for one in found["folds"] if not 0 <= one.first < one.last < last]
    return wrong


def _items(items: tuple[Item, ...]) -> Iterator[Item]:
    for one in items:
        yield one
        yield from _items(one.below)


# Runs ---------------------------------------------------------------------------------------------


def run(count: int, seed: int, folder: Path, *, rare: float = 0.02, fresh: float = 0.1) -> int:
    """Do that many edits; a new spec after some. Returns the largest growth of memory in bytes
    from the end of one spec to the end of a later one. Raises `AssertionError`.
    """
    random_ = random.Random(seed)
    texts = specs()
    done, grown, base = 0, 0, 0
    while done < count:
        name, text = random_.choice(texts)
        session = min(random_.randrange(20, 80), count - done)
        _session(folder / name, text, session, random_, rare, fresh)
        done += session
        if tracemalloc.is_tracing() and done >= count // 4:
            now = tracemalloc.get_traced_memory()[0]
            base = base or now
            grown = max(grown, now - base)
    return grown


def _session(
    path: Path, text: str, count: int, random_: random.Random, rare: float, fresh: float
) -> None:
    file = OpenFile(path.as_uri(), path, text, 1)
    expected = text
    stream = edits(text, random_)
    change = next(stream)
    for number in range(count):
        before = file.text
        file.change([change], number + 2)
        expected = _applied(before, change)
        assert file.text == expected, (before, change)
        analysis = analyze(path, file.text)
        offset = random_.randrange(len(file.text) + 1)
        try:
            found = answers(analysis, offset)
            if random_.random() < rare:
                rare_answers(analysis)
        except Exception:
            sys.stderr.write(f"{path.name}, offset {offset}:\n{file.text}\n")
            raise
        wrong = outside(analysis, found)
        assert not wrong, (wrong, file.text)
        if random_.random() < fresh:
            again = answers(analyze(path, str(file.text)), offset)
            assert again == found, [
                (key, found[key], again[key]) for key in found if found[key] != again[key]
            ]
        change = stream.send(file.text)
        if len(file.text) > 20_000:
            return


def _applied(text: str, change: Change) -> str:
    """The text after a change, by counting UTF-16 units from the start of each line."""
    assert change.start is not None and change.end is not None
    start, end = (_offset(text, one) for one in (change.start, change.end))
    return text[:start] + change.text + text[end:]


def _offset(text: str, position: Position) -> int:
    at = 0
    for _ in range(position.line):
        ends = [one for one in (text.find("\n", at), text.find("\r", at)) if one >= 0]
        at = min(ends) + 1
        if text[at - 1 : at + 1] == "\r\n":
            at += 1
    units = 0
    while units < position.column and at < len(text):
        units += len(text[at].encode("utf-16-le")) // 2
        at += 1
    return at


def resident() -> float:
    """The memory of the process in MB, on Linux; 0 elsewhere."""
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) / 1000 if found is not None else 0.0


def main() -> None:
    import tempfile

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        run(min(count, 500), seed + 1, Path(folder))  # imports and caches
        before = resident()
        grown = run(count, seed, Path(folder))
    sys.stdout.write(
        f"{count:,} edits, memory grew by {grown / 1e6:.1f} MB; the process from {before:.0f} MB to"
        f" {resident():.0f} MB\n"
    )
    assert grown < 20e6


if __name__ == "__main__":
    main()
