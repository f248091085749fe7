"""What a check costs in processor seconds as texts grow in which each of n things meets n others.

    python benchmarks/growth.py

Each is a process of its own, Python's start included; wanted is at most 2 seconds for any text that
is within the budgets, and about four times as much for four times the text.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from check import environment_for  # noqa: E402  # the path comes first

from tests.growing_texts import KINDS  # noqa: E402

SIZES = (500, 2_000, 8_000)


def seconds(path: Path, environment: dict[str, str]) -> float:
    """Processor seconds of one cold check, whether or not it finds faults."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "modelspec", "check", str(path)]
    subprocess.run(
        command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    print(f"{'':34}" + "".join(f"{size:>10,}" for size in SIZES) + "   bytes of the largest")
    with tempfile.TemporaryDirectory() as name:
        path, environment = Path(name) / "spec.yaml", environment_for(Path(name))
        for kind, text in KINDS.items():
            found = []
            for size in SIZES:
                path.write_text(text(size), encoding="utf-8")
                found.append(seconds(path, environment))
            shown = "".join(f"{one:8.2f} s" for one in found)
            print(f"{kind:34}{shown}   {path.stat().st_size:10,}", flush=True)


if __name__ == "__main__":
    main()
