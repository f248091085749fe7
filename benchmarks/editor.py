"""The language server: CPU time of one keystroke in the middle of a spec, in this process: the check
with its diagnostics, the hints of the lines on the screen, and completion at the cursor.

    python benchmarks/editor.py [EDITS]

Prints milliseconds for specs of 200 and 2,000 layers on separate lines, beside the time of the
check alone; then the memory after EDITS edits (by default 10,000) of a spec of 20 layers.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from modelspec.editor.analysis import Analysis, analyze
from modelspec.editor.completion import completions
from modelspec.editor.hints import hints
from modelspec.editor.problems import problems

ROUNDS = 15
SCREEN = 60
"""Lines whose hints an editor asks for."""


def drawn(layers: int) -> str:
    """A spec of layers on separate lines, all different."""
    made = ["modelspec: 1", "model:", "  inputs: {x: [64]}", "  layers:"]
    for at in range(layers):
        width = 8 + at % 57
        made.append(
            (
                f"    - Dense: {{units: {width}, activation: relu, name: dense_{at}}}",
                f"    - LayerNormalization: {{epsilon: 0.00{1 + at % 9}, name: norm_{at}}}",
                f"    - Dropout: {{rate: 0.{1 + at % 5}, name: drop_{at}}}",
                f"    - Dense: {{units: {width}, name: back_{at}, from: drop_{at - 1}}}",
            )[at % 4]
        )
    made += ["    - Dense: 3", "training:", "  loss: mse", "  optimizer: {Adam: 0.001}"]
    return "\n".join(made) + "\n"


def keystroke(text: str, number: int) -> tuple[float, float]:
    """Milliseconds for everything after a keystroke in the middle, and for the check alone."""
    middle = text.index("units: ", len(text) // 2) + len("units: ")
    typed = text[:middle] + str(1 + number % 9) + text[middle:]
    begun = time.process_time()
    analysis = analyze(Path("drawn.yaml"), typed)
    checked = time.process_time()
    everything(analysis, middle + 1)
    done = time.process_time()
    assert analysis.checked.ok, analysis.diagnostics[:1]
    return (done - begun) * 1000, (checked - begun) * 1000


def everything(analysis: Analysis, offset: int) -> None:
    """What an editor asks for after a keystroke."""
    problems(analysis)
    line = analysis.lines.number(offset)
    starts = analysis.lines.starts
    last = min(line + SCREEN // 2, len(starts) - 1)
    hints(analysis, starts[max(0, line - SCREEN // 2)], starts[last], offset)
    completions(analysis, offset)


def times() -> None:
    for layers in (200, 2_000):
        text = drawn(layers)
        keystroke(text, 0)
        found = [keystroke(text, number) for number in range(ROUNDS)]
        whole, alone = ([one[at] for one in found] for at in (0, 1))
        print(
            f"{layers:>6,} layers: median {median(whole):6.1f} ms, least {min(whole):6.1f} ms"
            f" (the check alone {median(alone):6.1f} and {min(alone):6.1f})"
        )


def memory(edits: int) -> None:
    text = drawn(20)
    before = 0.0
    for number in range(edits):
        keystroke(text, number)
        if number == min(edits, 1_000) - 1:
            before = _resident()
    print(f"{edits:,} edits: {_resident():.1f} MB, after the first thousand {before:.1f} MB")


def _resident() -> float:
    """The memory of the process in MB."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6


def main(run: Callable[[], None] = times) -> None:
    run()
    memory(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)


if __name__ == "__main__":
    main()
