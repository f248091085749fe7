"""All ratios as one table.

    python -m benchmarks.run [WORD ...]    those whose title contains a word; all take about an hour

Each benchmark is a program of its own, which prints more; here each line is the figure that its
target is about, from the output of that program.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
NUMBER = r"([\d.]+)"


class Figure(NamedTuple):
    """One line of the table."""

    title: str
    command: str
    pattern: str
    """Matches the figure in the output; the largest match counts."""
    wanted: str


FIGURES = (
    Figure(
        "cold check: `import keras` / check", "check.py", rf"keras / check +\S+ +{NUMBER}", ">= 20"
    ),
    Figure(
        "unchanged file: `import keras` / check",
        "check.py",
        rf"keras / cached +\S+ +{NUMBER}",
        ">= 150",
    ),
    Figure(
        "a keystroke with 200 layers, ms", "editor.py", rf"^ +200 layers: median +{NUMBER}", "<= 30"
    ),
    Figure(
        "a keystroke with 2,000 layers, ms",
        "editor.py",
        rf"^ +2,000 layers: median +{NUMBER}",
        "<= 250",
    ),
    Figure("check at the limits, slowest, s", "hostile.py", rf"slowest {NUMBER} s", "< 1"),
    Figure("whole process: train / tuned Keras, mean", "jobs.py", rf"ratios: {NUMBER}", "<= 1.0"),
    Figure("whole process: train / tuned Keras, most", "jobs.py", rf"largest {NUMBER}", "<= 1.1"),
    Figure(
        "predict, evaluate / pandas and Keras, most",
        "predicting.py",
        rf"^\w+ +\w+ +[\d.]+ s +[\d.]+ s +{NUMBER} ",
        "<= 1.0",
    ),
    Figure(
        "epoch / plain `fit`, throughput, best", "training.py", rf"{NUMBER} times `fit`", ">= 1.3"
    ),
    Figure("two workers / one, throughput", "distributed.py", rf"throughputs: {NUMBER}", ">= 1.5"),
    Figure(
        "best of scikit-learn - spec of `init --data`, most",
        "init_data.py",
        rf"largest gap {NUMBER}",
        "<= 0.03",
    ),
    Figure("memory over 20 trials of a sweep", "sweep_overhead.py", rf"ratio {NUMBER}", "<= 1.1"),
)


def output_of(command: str) -> str:
    """What a benchmark prints; it is shown as well."""
    print(f"$ python benchmarks/{command}", flush=True)
    done = subprocess.run(
        [sys.executable, str(FOLDER / command)], stdout=subprocess.PIPE, text=True, check=False
    )
    print(done.stdout, flush=True)
    return done.stdout


def main(words: list[str]) -> None:
    chosen = [one for one in FIGURES if not words or any(word in one.title for word in words)]
    outputs = {command: output_of(command) for command in {one.command: 0 for one in chosen}}
    print(f"{'':46}{'measured':>10}   wanted")
    for one in chosen:
        found = re.findall(one.pattern, outputs[one.command], re.MULTILINE)
        value = max(found, key=float) if found else "failed"
        print(f"{one.title:46}{value:>10}   {one.wanted}")


if __name__ == "__main__":
    main(sys.argv[1:])
