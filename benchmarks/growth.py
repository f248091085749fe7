"""Processor seconds of a check for specs of many forms, as they grow.

    python benchmarks/growth.py                     each at three sizes
    python benchmarks/growth.py --largest           each at the largest size within the budgets
    python benchmarks/growth.py --largest outputs   only kinds whose names contain the word

Each check is a new process, including the start of Python. Target: at most 2 seconds for any spec
within the budgets, and about four times as much for four times the size. The largest size has the
maximum number of keys and values, or of layers; if it is refused for another budget (MS108), smaller
ones are tried. `--expanded` adds a variable to every spec, so that it is expanded.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from check import environment_for  # noqa: E402  # the path comes first

from modelspec.compiler.expand.limits import LAYERS  # noqa: E402  # the path comes first
from modelspec.core.diagnostics import Fault, Source  # noqa: E402  # the path comes first
from modelspec.core.source import budgets  # noqa: E402  # the path comes first
from modelspec.core.source.reader import Reading  # noqa: E402  # the path comes first
from modelspec.core.source.yaml_reader import compose  # noqa: E402  # the path comes first
from tests.growing_forms import FORMS  # noqa: E402  # the path comes first
from tests.growing_texts import KINDS  # noqa: E402  # the path comes first

SIZES = (500, 2_000, 8_000)
WANTED = 2.0
_CODE = re.compile(r"^(?:error|warning|note)\[(MS[0-9]+)\]", re.MULTILINE)
Text = Callable[[int], str]


class Cost(NamedTuple):
    """One cold check."""

    seconds: float
    """Of the processor."""
    codes: Counter[str]
    status: int


def cost(path: Path, environment: dict[str, str]) -> Cost:
    """Processor seconds of one cold check, whether or not it finds faults."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "modelspec", "check", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(spent, Counter(_CODE.findall(done.stdout)), done.returncode)


def nodes(text: str) -> int:
    """Keys and values of a text, as counted for the budget."""
    reading = Reading(Source("spec.yaml", text))
    with suppress(Fault):
        compose(reading)
    return reading.nodes


def sizes(text: Text) -> list[int]:
    """The largest size that the budgets of text allow, and candidates for the other budgets."""
    few, more = nodes(text(10)), nodes(text(30))
    a_node, a_byte = (more - few) / 20, (len(text(30)) - len(text(10))) / 20
    within_bytes = 0.99 * budgets.TEXT_BYTES / max(a_byte, 0.1)
    most = int(min((budgets.NODES - few) / max(a_node, 1e-9), within_bytes)) - 12
    rounded = (most, LAYERS - 100, LAYERS // 2 - 100, LAYERS // 10 - 100)
    return list(dict.fromkeys(min(one, most) for one in rounded))


def largest(kinds: dict[str, Text], path: Path, environment: dict[str, str]) -> bool:
    """Whether every kind is checked in time at its largest size."""
    over: dict[str, None] = {}
    for kind, text in kinds.items():
        for size in sizes(text):
            path.write_text(text(size), encoding="utf-8")
            found = cost(path, environment)
            late = found.seconds > WANTED or found.status not in (0, 1)
            codes = ", ".join(f"{code} {count:,}" for code, count in found.codes.most_common(3))
            bytes_ = f"{path.stat().st_size:12,} bytes"
            failed = f" FAILED: exit status {found.status}" if found.status not in (0, 1) else ""
            shown = f"{found.seconds:8.2f} s{failed or (' OVER' if late else '')}"
            print(f"{kind:36}{size:10,}{bytes_}{shown}  {codes}", flush=True)
            if late:
                over[kind] = None
            if "MS108" not in found.codes:
                break
    print(f"over {WANTED:g} s, or failed: {', '.join(over) or 'none'}")
    return not over


def growing(kinds: dict[str, Text], path: Path, environment: dict[str, str]) -> None:
    """Each kind at three sizes."""
    print(f"{'':36}" + "".join(f"{size:>10,}" for size in SIZES) + "   bytes of the largest")
    for kind, text in kinds.items():
        found = []
        for size in SIZES:
            path.write_text(text(size), encoding="utf-8")
            found.append(cost(path, environment).seconds)
        shown = "".join(f"{one:8.2f} s" for one in found)
        print(f"{kind:36}{shown}   {path.stat().st_size:10,}", flush=True)


def expanded(text: Text) -> Text:
    """The same text with a variable."""
    return lambda size: text(size) if "vars:" in text(1) else f"vars: {{unused: 1}}\n{text(size)}"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("words", nargs="*")
    options.add_argument("--largest", action="store_true")
    options.add_argument("--expanded", action="store_true")
    chosen = options.parse_args()
    kinds = {
        kind: expanded(text) if chosen.expanded else text
        for kind, text in {**KINDS, **FORMS}.items()
        if not chosen.words or any(word in kind for word in chosen.words)
    }
    with tempfile.TemporaryDirectory() as name:
        path, environment = Path(name) / "spec.yaml", environment_for(Path(name))
        if not chosen.largest:
            growing(kinds, path, environment)
        elif not largest(kinds, path, environment):
            sys.exit(1)


if __name__ == "__main__":
    main()
