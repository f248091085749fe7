"""Checks examples of configs/ and drawn specs after random changes of their text and values.

    python -m tests.tools.hunt_mutants 0 500              # the seeds 0 to 499 for every spec
    python -m tests.tools.hunt_mutants 0 500 --only wine  # specs whose name contains a word

It prints every exception, every check that takes more than two seconds of processor time, and how
many of each there were.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import modelspec as ms
from modelspec.core.source import plain, read

from ..mutating import mutated_text, mutated_values

CONFIGS = Path(__file__).parents[2] / "configs"
MOST = 2.0
"""Seconds of processor time that a check may take."""


class Mutant(NamedTuple):
    name: str
    source: Path | Mapping[str, Any]


def mutants(first: int, end: int, only: str, folder: Path) -> Iterator[Mutant]:
    """Every spec with random changes: its text in a file of `folder`, and its values."""
    specs = [path for path in sorted(CONFIGS.glob("*.yaml")) if only in path.stem]
    for number in range(first, end):
        for config in specs:
            path = folder / "spec.yaml"
            text = mutated_text(config.read_text(encoding="utf-8"), number)
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            yield Mutant(f"{config.stem} text {number}", path)
            yield Mutant(f"{config.stem} values {number}", mutated_values(values(config), number))


def values(config: Path) -> dict[str, Any]:
    """The values of a spec, which can be changed."""
    document = read(config).value
    assert document is not None
    found: dict[str, Any] = _lists(plain(document.root))
    return found


def _lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


def judged(check: Callable[[Any], Any], one: Mutant, counts: Counter[str]) -> str:
    """What is wrong with the check of a mutant, or nothing; counts it."""
    counts["checked"] += 1
    start = time.process_time()
    try:
        report = check(one.source)
        for diagnostic in report.diagnostics:
            str(diagnostic)
        counts["without errors" if report.ok else "with errors"] += 1
    except Exception:  # noqa: BLE001  # a check that raises is a finding
        counts["raised"] += 1
        return f"RAISED {one.name}\n{traceback.format_exc()}"
    taken = time.process_time() - start
    if taken > MOST:
        counts["slow"] += 1
        return f"SLOW {one.name}: {taken:.1f} s"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=int, nargs="?", default=0)
    parser.add_argument("end", type=int, nargs="?", default=100)
    parser.add_argument("--only", default="", help="a word in the names of specs")
    chosen = parser.parse_args()
    counts: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        found = mutants(chosen.first, chosen.end, chosen.only, Path(folder))
        for place, one in enumerate(found, 1):
            wrong = judged(ms.check, one, counts)
            if wrong:
                sys.stdout.write(f"{wrong}\n")
            if place % 1000 == 0:
                sys.stdout.write(f"... {one.name}: {dict(counts)}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{dict(counts)}\n")


if __name__ == "__main__":
    sys.exit(main())
