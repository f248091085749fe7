"""Faults seeded into blocks, loops, variables and extended files: are they found, at their place,
with the right edit?

Specs are drawn: a base file with variables and blocks, a file that extends it, loops over literals
and over variables, repeats, choices, branches. One slip is then made in one of the two texts.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic

from .test_seeded_faults import misspelt

SPECS = 14
VARIABLES = ("width", "depth", "rate", "stages", "activation")
PARAMETERS = ("filters", "squeeze", "kernel")


@dataclass(frozen=True)
class Files:
    """A spec and the file that it extends."""

    base: str
    net: str


@dataclass(frozen=True)
class Slip:
    """A fault: the text from `start` up to `end` of a file is replaced."""

    kind: str
    file: str
    start: int
    end: int
    text: str
    suggestion: str | None = None
    codes: tuple[str, ...] = ()
    shift: int = 0
    """How far into the new text the fault is; negative: before it, at the expression."""

    def place(self, text: str) -> tuple[int, int]:
        before = (text[: self.start] + self.text)[: self.start + self.shift]
        return before.count("\n") + 1, len(before) - before.rfind("\n")


def written(rng: random.Random) -> Files:
    """A pair of files without a fault."""
    pick = rng.choice
    base = f"""\
vars:
  width: {pick([4, 8, 16])}
  depth: {rng.randint(2, 3)}
  rate: {pick([0.1, 0.25])}
  activation: {pick(["relu", "tanh", "gelu"])}
  stages:
    - {{filters: {pick([4, 6])}, count: {rng.randint(1, 2)}}}
    - {{filters: {pick([8, 10])}, count: {rng.randint(1, 3)}}}
blocks:
  residual:
    parameters: {{filters: null, squeeze: {pick([2, 4])}, kernel: he_normal}}
    primary: filters
    layers:
      - Dense: {{units: $(filters // {pick([1, 2])}), activation: $activation, kernel_initializer: $kernel}}
      - Dropout: {{rate: $rate, when: $(squeeze > 1)}}
      - Dense: {{units: $filters, name: main}}
      - Dense: {{units: $filters, from: input, name: skip}}
      - Add: {{from: [main, skip]}}
  tail:
    parameters: {{filters: 4}}
    layers:
      - residual: {{filters: $(filters * 2), name: first}}
      - LayerNormalization: {{epsilon: 0.001}}
training:
  optimizer: {{Adam: {{learning_rate: $(rate / 10)}}}}
  loss: mse
  epochs: $(depth + 1)
"""
    body = [
        "    - Dense: {units: $width, activation: relu, name: stem}\n",
        f"""\
    - for: {{stage: {pick(["$stages", "[{filters: 3, count: 1}, {filters: 5, count: 2}]"])}}}
      index: position
      do:
        - residual: {{filters: $stage.filters, squeeze: $(1 if position == 0 else 2)}}
        - Dense: {{units: $(stage.filters + width), repeat: $stage.count, activation: $activation}}
""",
        (
            f"    - residual: {{filters: {pick(['8', '$width', '$(2 * width)'])}, name: block_use,"
            " repeat: $depth}\n"
        ),
        """\
    - repeat: $depth
      do:
        - Dense: {units: $(width * 2), use_bias: false}
        - Dropout: $rate
""",
        """\
    - when: $(depth > 1)
      do: [{Dense: {units: $width, activation: selu}}]
      else: [{Dense: {units: 5, activation: elu}}]
""",
        """\
    - branches:
        - [{Dense: {units: $width}}, {Activation: $activation}]
        - [{Dense: {units: $width, kernel_regularizer: l2}}]
      join: Add
""",
        "    - tail: {filters: $(width - 1)}\n",
    ]
    rng.shuffle(body)
    last = "    - Dense: {units: 1, activation: sigmoid, name: verdict}\n"
    net = (
        "extends: base.yaml\nname: net\nmodel:\n  inputs: {features: [7]}\n "
        f" layers:\n{''.join(body)}{last}"
    )
    return Files(base, net)


# Slips --------------------------------------------------------------------------------------------


def words(files: Files, pattern: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Every match in either file that the spec comes to; the word is the group `w`."""
    for name, text in (("base.yaml", files.base), ("net.yaml", files.net)):
        for found in re.finditer(pattern, text):
            line = text[text.rfind("\n", 0, found.start("w")) + 1 : found.start("w")]
            if not line.strip().startswith("else:"):  # nothing is said of what is left out
                yield name, found


def respelt(
    kind: str, pattern: str, *codes: str
) -> Callable[[Files, random.Random], Iterator[Slip]]:
    """A slip in the word of a pattern; the right word is to be suggested."""

    def seed(files: Files, rng: random.Random) -> Iterator[Slip]:
        for file, found in words(files, pattern):
            word = found["w"]
            yield Slip(kind, file, *found.span("w"), misspelt(word, rng), word, codes)

    return seed


def replaced(
    kind: str, pattern: str, text: str, *codes: str, shift: int = 0
) -> Callable[[Files, random.Random], Iterator[Slip]]:
    """The word of a pattern replaced by what cannot stand there."""

    def seed(files: Files, rng: random.Random) -> Iterator[Slip]:
        for file, found in words(files, pattern):
            yield Slip(kind, file, *found.span("w"), text, None, codes, shift)

    return seed


_NAMES = "|".join((*VARIABLES, *PARAMETERS, "stage", "position"))
SEEDS = [
    respelt("variable", rf"\$(?P<w>{_NAMES})\b", "MS121"),
    respelt("variable in an expression", rf"\$\([^)]*?(?<![\w.])(?P<w>{_NAMES})\b", "MS121"),
    respelt("part of a value", r"\$\(?stage\.(?P<w>filters|count)", "MS123"),
    respelt("parameter of a block", r"(?:residual|tail): \{(?P<w>filters)", "MS202"),
    respelt("parameter of a block", r"residual: \{[^}]*, (?P<w>squeeze)", "MS202"),
    respelt("block", r"- (?P<w>residual|tail): \{", "MS301"),
    respelt("setting", r"Dense: \{(?P<w>units)", "MS202"),
    respelt(
        "setting",
        r"Dense: \{[^}]*, (?P<w>activation|use_bias|kernel_initializer|kernel_regularizer): ",
        "MS202",
    ),
    respelt("setting", r"LayerNormalization: \{(?P<w>epsilon)", "MS202"),
    respelt("kind", r"[- \[{](?P<w>Dense|Dropout|LayerNormalization|Activation): ", "MS301"),
    respelt("reference", r"Add: \{from: \[(?P<w>main), ", "MS302"),
    respelt("section", r"(?m)^(?P<w>training|vars|blocks|model|extends):", "MS201"),
    respelt("section", r"  (?P<w>optimizer|epochs|layers|inputs|parameters|primary): ", "MS201"),
    replaced("type", r"Dense: \{units: (?P<w>\$width|\$filters)[,}]", '"many"', "MS204"),
    replaced("type", r"repeat: (?P<w>\$depth)", "$rate", "MS204"),
    replaced("type", r"when: (?P<w>\$\([^)]*\))", "$width", "MS204"),
    replaced("type", r"Dropout: (?P<w>\$rate)", "$activation", "MS204"),
    replaced("value", r"\$\((?P<w>filters) // ", "0 * filters - filters", "MS205", shift=-2),
    replaced("syntax", r"\$\(width (?P<w>[*+-])", "* +*", "MS120", shift=3),
]


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[Slip, Files, tuple[Diagnostic, ...]]]:
    """Every slip of every drawn spec, with what was said about it."""
    folder = tmp_path_factory.mktemp("expansion")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found: list[tuple[Slip, Files, tuple[Diagnostic, ...]]] = []
        for number in range(SPECS):
            rng = random.Random(number)
            files = written(rng)
            assert not [one for one in diagnose(files) if one.severity == "error"], (
                files,
                diagnose(files),
            )
            for seed in SEEDS:
                slips = list(seed(files, rng))
                some = rng.sample(slips, min(3, len(slips)))
                found.extend((slip, files, diagnose(made(files, slip))) for slip in some)
        return found


def made(files: Files, slip: Slip) -> Files:
    texts = {"base.yaml": files.base, "net.yaml": files.net}
    text = texts[slip.file]
    texts[slip.file] = text[: slip.start] + slip.text + text[slip.end :]
    return Files(texts["base.yaml"], texts["net.yaml"])


def diagnose(files: Files) -> tuple[Diagnostic, ...]:
    Path("base.yaml").write_text(files.base, encoding="utf-8")
    Path("net.yaml").write_text(files.net, encoding="utf-8")
    return ms.check("net.yaml").diagnostics


def errors(said: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    return [one for one in said if one.severity == "error"]


def share(
    outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]], good: Callable[..., bool]
) -> tuple[float, str]:
    """The share of good outcomes, and what the others were."""
    bad = [one for one in outcomes if not good(*one)]
    shown = "\n".join(told(*one) for one in bad[:20])
    counts = Counter(one[0].kind for one in bad)
    return 1 - len(bad) / len(outcomes), f"{len(bad)} of {len(outcomes)}: {counts}\n{shown}"


def told(slip: Slip, files: Files, said: tuple[Diagnostic, ...]) -> str:
    line, column = slip.place(files.base if slip.file == "base.yaml" else files.net)
    found = [(str(one), one.suggestion) for one in said]
    return (
        f"{slip.kind}: {slip.text!r} for {slip.suggestion!r} at {slip.file}:{line}:{column}:"
        f" {found}"
    )


def at_place(slip: Slip, files: Files, said: tuple[Diagnostic, ...]) -> bool:
    text = files.base if slip.file == "base.yaml" else files.net
    return any(
        (one.file, one.line, one.column) == (slip.file, *slip.place(text)) for one in errors(said)
    )


def test_the_corpus_has_every_kind_of_fault(
    outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]],
) -> None:
    counts = Counter(slip.kind for slip, _, _ in outcomes)
    assert len(counts) == 12
    assert sum(counts.values()) > 500
    assert {slip.file for slip, _, _ in outcomes} == {"base.yaml", "net.yaml"}


def test_every_fault_is_found(outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]]) -> None:
    rate, bad = share(outcomes, lambda slip, files, said: bool(errors(said)))
    assert rate == 1, bad


def test_the_place_is_exact(outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]]) -> None:
    rate, bad = share(outcomes, at_place)
    assert rate >= 0.99, bad


def test_the_code_is_right(outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]]) -> None:
    rate, bad = share(
        outcomes, lambda slip, files, said: any(one.code in slip.codes for one in errors(said))
    )
    assert rate >= 0.97, bad


def test_the_first_suggestion_is_right(
    outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]],
) -> None:
    named = [one for one in outcomes if one[0].suggestion]
    rate, bad = share(
        named,
        lambda slip, files, said: slip.suggestion in [one.suggestion for one in errors(said)[:1]],
    )
    assert rate >= 0.97, bad


def test_nothing_else_is_said(outcomes: list[tuple[Slip, Files, tuple[Diagnostic, ...]]]) -> None:
    """One place: a value that follows from the use has its own number in the message at every
    use.
    """
    rate, bad = share(
        outcomes, lambda slip, files, said: len({(one.file, one.line) for one in errors(said)}) == 1
    )
    assert rate >= 0.97, bad
