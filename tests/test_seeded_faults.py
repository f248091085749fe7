"""One fault at a time, seeded into real specs: is it found, at its place, with the right edit and
nothing else?
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
from modelspec.catalog.layers import LAYERS
from modelspec.catalog.sources.dataset import DATASETS
from modelspec.core.diagnostics import Diagnostic, Span
from modelspec.core.source import Mapping, Node, Scalar, Sequence, find, plain, read

from .thorough import LONG

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.yaml"))
LETTERS = "abcdefghijklmnopqrstuvwxyz"
ROUNDS = 12
MOST = 100 if LONG else 50
"""Faults that are tried of one config: the long ones have more than the short ones, and show no
other kinds.
"""


@dataclass(frozen=True)
class Seeded:
    """A fault: what stands at `span` is replaced by `text`."""

    kind: str
    span: Span
    text: str
    suggestion: str | None = None


def misspelt(word: str, rng: random.Random) -> str:
    """The word with one slip: a letter dropped, doubled, replaced, or swapped with its
    neighbour.
    """
    while True:
        at = rng.randrange(1, len(word))
        slip = rng.randrange(4)
        if slip == 0:
            wrong = word[:at] + word[at + 1 :]
        elif slip == 1:
            wrong = word[:at] + word[at - 1] + word[at:]
        elif slip == 2:
            wrong = word[:at] + rng.choice(LETTERS) + word[at + 1 :]
        else:
            wrong = word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
        if wrong != word and len(wrong) > 1:
            return wrong


def entries(
    node: Node, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Span, Node]]:
    """Every key with its path, its place and its value, and every item of a list that is a plain
    name.
    """
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield (*path, key), entry.key_span, entry.value
            yield from entries(entry.value, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield (*path, index), item.span, item
            yield from entries(item, (*path, index))


def layer_entries(root: Node) -> Iterator[tuple[str, Mapping]]:
    """Every layer that is written with settings: its kind and its settings."""
    for path, _, value in entries(root):
        if path[0] == "model" and path[-1] in LAYERS and isinstance(value, Mapping):
            yield str(path[-1]), value


def misspelt_settings(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for _, settings in layer_entries(root):
        for key, entry in settings.entries.items():
            if len(key) > 3 and key not in LAYERS:
                yield Seeded("setting", entry.key_span, misspelt(key, rng), key)


def misspelt_sections(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for path, span, _ in entries(root):
        top = len(path) == 1 and len(str(path[0])) > 3
        if top or (len(path) == 2 and path[0] in ("training", "data", "model")):
            yield Seeded("section", span, misspelt(str(path[-1]), rng), str(path[-1]))


def misspelt_kinds(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for path, span, value in entries(root):
        if path[0] != "model" or len(path) < 3:
            continue
        name = (
            path[-1]
            if isinstance(path[-1], str)
            else value.value
            if isinstance(value, Scalar)
            else None
        )
        if name in LAYERS and len(str(name)) > 3:
            yield Seeded("kind", span, misspelt(str(name), rng), str(name))


KEYS = frozenset(
    {
        "augment",
        "blocks",
        "branches",
        "cache",
        "class_weight",
        "clipnorm",
        "columns",
        "delimiter",
        "deterministic",
        "dtype",
        "else",
        "factor",
        "from",
        "from_logits",
        "group",
        "header",
        "index",
        "inputs",
        "join",
        "label_smoothing",
        "layer",
        "layers",
        "learning_rate",
        "max_tokens",
        "merge_mode",
        "min_delta",
        "missing",
        "momentum",
        "monitor",
        "name",
        "num_oov_indices",
        "optional",
        "order",
        "output_mode",
        "output_sequence_length",
        "outputs",
        "parameters",
        "path",
        "patience",
        "precision",
        "primary",
        "repeat",
        "restore_best_weights",
        "shape",
        "shared",
        "source",
        "split",
        "standardize",
        "stratify",
        "targets",
        "test",
        "train",
        "trainable",
        "transform",
        "validation",
        "weight_decay",
        "weights",
        "when",
    }
)
"""Words of the language that a spec does not give itself."""
WORDS = ("activation", "padding", "optimizer", "loss", "kernel_initializer", "dataset")


def misspelt_words(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for path, _, value in entries(root):
        if (
            path[-1] in WORDS
            and isinstance(value, Scalar)
            and isinstance(value.value, str)
            and len(value.value) > 3
        ):
            wrong = misspelt(value.value, rng)
            if wrong not in DATASETS:  # `cifar10` for `cifar100` is no fault that can be found
                yield Seeded("word", value.span, wrong, value.value)


def misspelt_references(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for path, _, value in entries(root):
        if "from" not in path[-2:] or not isinstance(value, Scalar) or "$" in value.span.text:
            continue  # a slip inside an expression may be none: a space more
        if len(str(value.value)) > 3:
            yield Seeded("reference", value.span, misspelt(str(value.value), rng), str(value.value))


def wrong_types(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for _, settings in layer_entries(root):
        for key, entry in settings.entries.items():
            value = entry.value
            if key in ("from", "name") or not isinstance(value, Scalar):
                continue
            if isinstance(value.value, bool):
                yield Seeded("type", value.span, rng.choice(["yes", "1"]))
            elif isinstance(value.value, int):
                yield Seeded(
                    "type", value.span, rng.choice([f'"{value.value}"', "many", "[1, [2]]", "true"])
                )
            elif isinstance(value.value, float):
                yield Seeded("type", value.span, rng.choice(["large", "true"]))


def wrong_shapes(root: Node, rng: random.Random) -> Iterator[Seeded]:
    for kind, settings in layer_entries(root):
        kernel = settings.entries.get("kernel_size")
        if kind.startswith("Conv") and kernel and "padding" not in settings.entries:
            yield Seeded("shape", kernel.span, f"kernel_size: {rng.randrange(60, 99)}")
    for path, _, value in entries(root):
        if path[-1] == "Reshape" and isinstance(value, Sequence):
            yield Seeded("shape", value.span, f"[{rng.randrange(3, 9)}, {rng.randrange(90, 99)}]")


def misspelt_keys(root: Node, rng: random.Random) -> Iterator[Seeded]:
    """Keys of the language at every level: those of inputs, features, sources, shared models,
    components and callbacks, but no names that the spec itself gives.
    """
    for path, span, _ in entries(root):
        key = path[-1]
        named = len(path) > 1 and path[-2] in ("inputs", "targets", "shared", "vars", "blocks")
        ours = not named and not str(path[0]).startswith("x-")
        if ours and key in KEYS and len(str(key)) > 3 and span.text == key:
            yield Seeded("key", span, misspelt(str(key), rng), str(key))


def misspelt_calls(root: Node, rng: random.Random) -> Iterator[Seeded]:
    """The names of blocks and shared layers where they are called."""
    sections = (find(root, ("blocks",)), find(root, ("model", "shared")))
    every = {name for one in sections if isinstance(one, Mapping) for name in one.entries}
    names = {name for name in every if len(name) > 3}
    for path, span, value in entries(root):
        name = path[-1] if isinstance(path[-1], str) else str(plain(value))
        is_entry = len(path) > 1 and any(isinstance(step, int) for step in path[-2:])
        if is_entry and "layers" in path and name in names and span.text == name:
            yield Seeded("call", span, misspelt(str(name), rng), str(name))


def misspelt_definitions(root: Node, rng: random.Random) -> Iterator[Seeded]:
    """Names that several places use, where they are defined. No suggestion is expected: where one
    place uses a name, that one is in error.
    """
    text = re.sub("#.*", "", root.span.source.text)
    for path, span, value in entries(root):
        name, place = path[-1], span
        if path[-1] == "name" and path[0] in ("model", "blocks") and isinstance(value, Scalar):
            name, place = value.value, value.span
        elif not (len(path) > 1 and path[-2] in ("vars", "blocks", "shared")):
            continue
        uses = len(re.findall(rf"\b{re.escape(str(name))}\b", text)) - 1
        if len(str(name)) > 3 and place.text == name and uses > 1:
            yield Seeded("definition", place, misspelt(str(name), rng))


SEEDS: dict[str, Callable[[Node, random.Random], Iterator[Seeded]]] = {
    "setting": misspelt_settings,
    "section": misspelt_sections,
    "kind": misspelt_kinds,
    "word": misspelt_words,
    "reference": misspelt_references,
    "type": wrong_types,
    "shape": wrong_shapes,
    "key": misspelt_keys,
    "call": misspelt_calls,
    "definition": misspelt_definitions,
}


def apply(text: str, seeded: Seeded) -> str:
    return text[: seeded.span.start] + seeded.text + text[seeded.span.end :]


def diagnose(text: str, folder: Path) -> tuple[Diagnostic, ...]:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return ms.check(path).diagnostics


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[Seeded, tuple[Diagnostic, ...]]]:
    """Every seeded fault of every config, with what was said about it."""
    folder = tmp_path_factory.mktemp("seeded")
    found = []
    for config in CONFIGS:
        document = read(str(config)).value
        assert document is not None
        text = config.read_text(encoding="utf-8")
        rng = random.Random(config.name)
        faults = [
            seeded
            for _ in range(ROUNDS)
            for seed in SEEDS.values()
            for seeded in seed(document.root, rng)
            if apply(text, seeded) != text
        ]
        most = (
            MOST // 10 if "extends" in document.root.entries else MOST
        )  # what they build on is checked each time
        tried = rng.sample(faults, min(most, len(faults)))
        found += [(seeded, diagnose(apply(text, seeded), folder)) for seeded in tried]
    return found


def rate(
    outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]], good: Callable[..., bool]
) -> tuple[float, str]:
    """The share of good outcomes, and what the others were."""
    bad = [(seeded, said) for seeded, said in outcomes if not good(seeded, said)]
    shown = "\n".join(
        f"{seeded.kind}: {seeded.span.text!r} -> {seeded.text!r} at {seeded.span}:"
        f" {[str(d) for d in said]} {[d.suggestion for d in said]}"
        for seeded, said in bad[:20]
    )
    return 1 - len(bad) / len(outcomes), f"{Counter(seeded.kind for seeded, _ in bad)}\n{shown}"


def errors(said: tuple[Diagnostic, ...]) -> list[Diagnostic]:
    return [d for d in said if d.severity == "error"]


def at_place(seeded: Seeded, said: tuple[Diagnostic, ...]) -> bool:
    return any((d.line, d.column) == (seeded.span.line, seeded.span.column) for d in said)


def test_the_corpus_has_every_kind_of_fault(
    outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]],
) -> None:
    counts = Counter(seeded.kind for seeded, _ in outcomes)
    assert set(counts) == set(SEEDS)
    assert sum(counts.values()) > 1000


def test_every_fault_is_found(outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]]) -> None:
    share, bad = rate(outcomes, lambda _, said: bool(errors(said)))
    assert share == 1, bad


def test_the_place_is_exact(outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]]) -> None:
    others = [one for one in outcomes if one[0].kind != "definition"]
    share, bad = rate(others, at_place)
    assert share >= 0.99, bad


def test_the_first_suggestion_is_right(
    outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]],
) -> None:
    named = [(seeded, said) for seeded, said in outcomes if seeded.suggestion]
    share, bad = rate(
        named, lambda seeded, said: bool(said) and errors(said)[0].suggestion == seeded.suggestion
    )
    assert share >= 0.97, bad


def test_nothing_else_is_said(outcomes: list[tuple[Seeded, tuple[Diagnostic, ...]]]) -> None:
    share, bad = rate(outcomes, lambda _, said: len(said) == 1)
    assert share >= 0.97, bad
