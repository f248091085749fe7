"""A few lines that ask for billions of layers, or for work without end, are refused before they
cost anything.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.compiler.expand import expand
from modelspec.core.diagnostics import Checked
from modelspec.core.settings import Context
from modelspec.core.source import Document, plain, read_text

MODEL = "model:\n  inputs: {x: [8]}\n  layers:\n"


def tower(bottom: str, use: str = "b{}", head: str = "{layers: %s}", count: int = 8) -> str:
    """Blocks of ten blocks each."""
    uses = (
        f"    b{n}: " + head % f"[{', '.join([use.replace('{}', str(n - 1))] * 10)}]"
        for n in range(1, count + 1)
    )
    return "\n".join(["blocks:", f"    b0: {bottom}", *uses, ""])


def loops(bottom: str) -> str:
    """A thousand rounds, three times inside one another."""
    return f"""{MODEL}
    - for: {{i: $(range(1000))}}
      do:
        - for: {{j: $(range(1000))}}
          do: [{{for: {{k: $(range(1000))}}, do: [{bottom}]}}]
"""


def laughs(count: int = 12) -> str:
    """Values of ten values each."""
    first = "vars:\n  v0: [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    return first + "".join(f"  v{n}: [{', '.join([f'$v{n - 1}'] * 10)}]\n" for n in range(1, count))


BOMBS = {
    "repeat": MODEL + "    - Dense: {units: 3, repeat: 1000000000}",
    "largest repeat": MODEL + "    - Dense: {units: 3, repeat: 9223372036854775807}",
    "repeat of what follows": "vars: {n: 100001}\n" + MODEL + "    - Dense: {units: 3, repeat: $n}",
    "repeat in repeat": (
        MODEL + "    - repeat: 1000\n      do: [{repeat: 1000, do: [{repeat: 1000, do: [ReLU]}]}]"
    ),
    "repeat of nothing": (
        MODEL + "    - repeat: 1000\n      do: [{repeat: 1000, do: [{repeat: 1000, do: []}]}]"
    ),
    "for in for": loops("ReLU"),
    "for of nothing": loops(""),
    "for with settings": loops("{Dense: {units: $i, use_bias: false}}"),
    "blocks": tower("[ReLU, ReLU]") + MODEL + "    - b8",
    "empty blocks": tower("[]") + MODEL + "    - b8",
    "blocks with parameters": (
        tower(
            "{parameters: {a: 1, c: 3}, layers: []}",
            "{b{}: {a: $a}}",
            "{parameters: {a: 1}, layers: %s}",
        )
        + MODEL
        + "    - b8"
    ),
    "branches": (
        MODEL
        + "    - repeat: 400\n      do: [{branches: [[{repeat: 400, do: [ReLU]}], []], join: Add}]"
    ),
    "shared models": (
        "model:\n  inputs: {x: [8]}\n  shared:\n    a: [{Dense: {units: 3, repeat: 60000}}]\n"
        "    b: [{Dense: {units: 3, repeat: 60000}}]\n  layers: [a, b]"
    ),
    "values": laughs() + MODEL + "    - Dense: 3",
    "branches of branches": (
        MODEL
        + "    - branches: ["
        + ", ".join(
            ["[{branches: [[{Dense: {units: 2, repeat: 900}}], []], join: Add, repeat: 100}]"] * 10
        )
        + "]"
    ),
    "deep blocks": (
        "blocks:\n  b0: [ReLU]\n"
        + "".join(f"  b{n}: [b{n - 1}]\n" for n in range(1, 300))
        + MODEL
        + "    - b299"
    ),
}


def nest(depth: int) -> str:
    """Loops, branches and choices inside one another, in blocks inside one another, down to a deep
    expression.
    """
    opens = ("{repeat: 1, do: [", "{branches: [[", "{for: {i: [1]}, do: [", "{when: true, do: [")
    closes = ("]}", "], []], join: Add}", "]}", "]}")
    inner = "".join(opens[n % 4] for n in range(12))
    outer = "".join(closes[n % 4] for n in reversed(range(12)))
    bottom = f"{{Dense: {{units: $({'-' * 40}8), bias_constraint: {'[' * 40}3{']' * 40}}}}}"
    blocks = [f"  b0: [{inner}{bottom}{outer}]"] + [
        f"  b{n}: [{inner}b{n - 1}{outer}]" for n in range(1, depth)
    ]
    return "blocks:\n" + "\n".join(blocks) + f"\n{MODEL}    - b{depth - 1}\n"


def below(frames: int, text: str) -> list[str]:
    """What expansion says with so many calls of Python around it."""
    if frames:
        return below(frames - 1, text)
    document = read_text(text, "deep.yaml").value
    assert document is not None
    return [one.code for one in expand(document, Context(), {}).diagnostics]


def test_depth_is_bounded_before_pythons_own_stack_is() -> None:
    assert below(200, nest(3)) == []
    assert below(200, nest(4)) == ["MS108"]
    assert below(200, nest(40)) == ["MS108"]


def expanded(
    document: Document, context: Context | None = None
) -> tuple[Checked[Document | None], int]:
    """The document expanded, and what that took: calls of Python's functions, which are the same on
    every machine.
    """
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        found = expand(document, context or Context(), {})
    finally:
        sys.setprofile(before)
    return found, count


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    """MS108, and nothing is left to read on with."""
    document = read_text(BOMBS[name], "bomb.yaml").value
    assert document is not None, read_text(BOMBS[name], "bomb.yaml").diagnostics
    found, effort = expanded(document)
    assert [one.code for one in found.diagnostics] == ["MS108"]
    assert found.value is None
    assert found.diagnostics[0].span is not None
    assert effort < 1_000_000


DEARER = {
    "deep values": "vars:\n  v0: [1]\n" + "".join(f"  v{n}: [$v{n - 1}]\n" for n in range(1, 300)),
    "deep values of expressions": (
        "vars:\n  v0: [1]\n" + "".join(f"  v{n}: $([v{n - 1}])\n" for n in range(1, 300))
    ),
    "texts": (
        "vars:\n  v0: aaaaaaaaaa\n"
        + "".join(f"  v{n}: '{f'$(v{n - 1})' * 10}'\n" for n in range(1, 12))
    ),
    "numbers": "vars: {a: 9, b: $(a ** a ** a ** a), c: $(9 ** 9 ** 9)}\n",
    "ranges": "vars:\n  a: $(range(10 ** 18))\n  b: $([0] * 10 ** 18)\n  c: $('a' * 10 ** 18)\n",
    "many expressions": (
        "vars:\n" + "".join(f"  v{n}: $({'1 if 2 else ' * 60}{n})\n" for n in range(500))
    ),
    "steps": "vars:\n" + "".join(f"  v{n}: $(sum(range(3000)) + {n})\n" for n in range(1000)),
    "blocks in loops": (
        "blocks: {b: {parameters: {n: 1}, layers: [{Dense: {units: 3, repeat: $n}}]}}\n"
        + MODEL
        + "    - for: {i: $(range(9000))}\n      do: [{b: {n: 1000, repeat: 100}}]"
    ),
    "lists in every entry": (
        MODEL
        + "    - for: {i: $(range(300))}\n      do: [{Concatenate: {from: \"$(['x'] * 9999)\"}}]"
    ),
    "settings in every entry": (
        "vars: {l: '$([1] * 9000)'}\n" + MODEL + "    - for: {i: $(range(9000))}\n"
        "      do: [{Dense: {units: 3, bias_initializer: {Constant: $l}}}]"
    ),
    "texts that double": (
        "vars:\n  v0: aaaaaaaaaa\n"
        + "".join(f"  v{n}: $(v{n - 1} + v{n - 1})\n" for n in range(1, 60))
    ),
    "lists that double": (
        "vars:\n  v0: [1]\n" + "".join(f"  v{n}: $(v{n - 1} + v{n - 1})\n" for n in range(1, 60))
    ),
    "lists of lists": (
        "vars:\n  v0: [1]\n" + "".join(f"  v{n}: '$([v{n - 1}] * 90)'\n" for n in range(1, 60))
    ),
    "arguments": (
        "blocks:\n"
        + "".join(
            f"  b{n}: {{parameters: {{n: null}}, layers: [{{b{n - 1}: {{n: '$([n] * 10)'}}}}]}}\n"
            for n in range(9, 0, -1)
        )
        + "  b0: {parameters: {n: null}, layers: [{Dense: $n}]}\n"
        + MODEL
        + "    - b9: {n: 1}\n"
    ),
    "faults": (
        "vars: {a: 1}\n" + MODEL + "    - for: {i: $(range(3000))}\n      do: [{Dense: $nope}]\n"
    ),
}


@pytest.mark.parametrize("name", DEARER)
def test_work_is_bounded(name: str) -> None:
    text = DEARER[name] if "model:" in DEARER[name] else DEARER[name] + MODEL + "    - Dense: 3\n"
    document = read_text(text, "bomb.yaml").value
    assert document is not None
    found, effort = expanded(document)
    assert {one.code for one in found.diagnostics} <= {"MS108", "MS109", "MS121"}
    assert found.diagnostics
    assert effort < 8_000_000


def test_what_is_within_the_budget_is_written() -> None:
    """Choices that the count cannot know beforehand do not make it refuse what is small."""
    text = (
        MODEL
        + """
    - for: {i: $(range(3000))}
      do: [{ReLU: {when: $(i == 0), repeat: 100}}]
    - for: {i: $(range(100))}
      do: [{for: {j: $(range(100))}, do: [{for: {k: $(range(100))}, do: [{ReLU: {when: false}}], when: $(i + j < 2)}]}]
    - repeat: 200
      do: [{Dense: 3}, {Dropout: 0.1}]
"""
    )
    document = read_text(text, "spec.yaml").value
    assert document is not None
    found = expand(document, Context(), {})
    assert not found.diagnostics
    assert found.value is not None
    root: Any = plain(found.value.root)
    assert len(root["model"]["layers"]) == 100 + 400


def test_the_effort_grows_with_the_layers_and_no_faster() -> None:
    head = (
        "blocks: {d: {parameters: {w: 3}, layers: [{Dense: {units: $w}}, {Dropout:"
        f" 0.1}}]}}}}\n{MODEL}"
    )
    efforts = []
    for uses in (100, 200, 400):
        text = head + "    - d: {w: 32}\n" * uses + f"    - d: {{w: 16, repeat: {uses}}}\n"
        document = read_text(text, "spec.yaml").value
        assert document is not None
        found, effort = expanded(document)
        assert found.value is not None
        efforts.append(effort)
    assert efforts[2] - efforts[1] < 2.1 * (efforts[1] - efforts[0])
    assert efforts[2] < 400 * 2 * 2 * 150


def files_of(name: str) -> dict[str, str]:
    """Files that extend one another; the first is the spec."""
    layers = MODEL + "    - Dense: 3\n"
    large = "vars:\n" + "".join(f"  v{n}: [{', '.join(['1'] * 900)}]\n" for n in range(60))
    if name == "chain":
        found = {f"f{n}.yaml": f"extends: f{n + 1}.yaml\n" for n in range(150)}
        return {"spec.yaml": f"extends: f0.yaml\n{layers}", **found, "f150.yaml": "seed: 1\n"}
    if name == "fan":
        found = {
            f"f{n}.yaml": f"extends: [{', '.join([f'f{n + 1}.yaml'] * 3)}]\n" for n in range(30)
        }
        return {"spec.yaml": f"extends: f0.yaml\n{layers}", **found, "f30.yaml": "seed: 1\n"}
    count = 1 if name == "one large file again and again" else 3
    return {
        "spec.yaml": f"extends: [{', '.join(f'f{n % count}.yaml' for n in range(90))}]\n{layers}",
        **{f"f{n}.yaml": large for n in range(count)},
    }


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("chain", ["MS108"]),
        ("fan", ["MS108"]),
        ("large files", ["MS108"]),
        ("one large file again and again", []),
    ],
)
def test_files(
    name: str, codes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that a spec extends cost what one file may, however often and by however many they are
    named.
    """
    monkeypatch.chdir(tmp_path)
    for file, text in files_of(name).items():
        Path(file).write_text(text)
    document = read_text(Path("spec.yaml").read_text(), "spec.yaml").value
    assert document is not None
    found, effort = expanded(document, Context(folder=tmp_path, project=tmp_path))
    assert [one.code for one in found.diagnostics] == codes
    assert effort < 12_000_000


PEAK = """
import sys
from pathlib import Path
sys.path.insert(0, ".")
from tests.test_expand_budgets import BOMBS, DEARER, MODEL
from modelspec.compiler.expand import expand
from modelspec.core.settings import Context
from modelspec.core.source import read_text

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

expand(read_text(MODEL + "    - Dense: 3", "a.yaml").value, Context(), {})
before = peak()
for text in (*BOMBS.values(), *DEARER.values()):
    expand(read_text(text if "model:" in text else text + MODEL + "    - Dense: 3", "b.yaml").value, Context(), {})
print(peak() - before)
"""
"""Prints the KiB that a process takes for all of these, one after the other, beside what it has
with one small spec.

Not `ru_maxrss`, which begins at what the process had that started this one.
"""


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak of a process is told by Linux alone"
)
def test_memory_is_bounded() -> None:
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", PEAK], cwd=root, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 250 * 1024


def test_models_that_call_models_have_a_budget() -> None:
    """Three calls at each of forty levels: written in forty lines, 3 to the 40 layers to run. It is
    told, not tried.
    """
    shared: dict[str, object] = {"m0": [{"Dense": 4}]}
    shared |= {f"m{level}": [f"m{level - 1}"] * 3 for level in range(1, 41)}
    report = ms.check({"model": {"inputs": {"x": [4]}, "shared": shared, "layers": ["m40"]}})
    assert [found.code for found in report.diagnostics] == ["MS108"]
