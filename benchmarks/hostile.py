"""Processor time of refusing hostile files, compared with reading a common spec in the same process.

    python benchmarks/hostile.py

Each is a text of up to 9 MB that makes some YAML or JSON reader slow, deep, or large. Target: less
than a second.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from modelspec.core.source import read_text  # noqa: E402  # the path comes first
from tests.test_source_files import HOSTILE  # noqa: E402

COMMON = (ROOT / "configs" / "digits.yaml").read_text(encoding="utf-8")


def seconds(text: str, kind: str) -> float:
    """Processor time of one reading."""
    start = process_time()
    read_text(text, "spec", "json" if kind == "json" else "yaml")
    return process_time() - start


def main() -> None:
    seconds(COMMON, "yaml")
    common = min(seconds(COMMON, "yaml") for _ in range(20))
    print(f"{'configs/digits.yaml':42} {common * 1000:9.1f} ms")
    rows = sorted(
        ((seconds(text, kind), name, code) for name, (kind, text, code) in HOSTILE.items()),
        reverse=True,
    )
    for spent, name, code in rows:
        print(f"{name:42} {spent * 1000:9.1f} ms  {spent / common:8.0f} times  {code or 'read'}")
    print(f"slowest {rows[0][0]:.2f} s   (wanted: below 1)")


if __name__ == "__main__":
    main()
