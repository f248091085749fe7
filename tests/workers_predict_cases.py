"""Commands that use a run, in one process of several or alone; writes what they print to NAME.json:

    python -m tests.workers_predict_cases NAME

The first process trains the run. Several ones are described by the variables of a launcher. Blocks
are small, so that there are several rounds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from click.testing import CliRunner

from modelspec.cli import main
from modelspec.runtime.distributed import shared_rows

COMMANDS = {
    "evaluate": ("evaluate", "run", "--format", "json"),
    "other": ("evaluate", "run", "--data", "d.csv", "--format", "json"),
    "csv": ("predict", "run", "--data", "d.csv", "--id", "id", "--keep", "k", "-o", "{}.csv"),
    "layer": ("predict", "run", "--data", "d.csv", "--layer", "h", "-o", "{}.npz"),
    "json": ("predict", "run", "--data", "few.csv", "--format", "json"),
    "preview": ("predict", "run", "--data", "d.csv", "--top", "2"),
    "skip": ("predict", "run", "--data", "bad.csv", "--errors", "skip", "-o", "{}-skip.csv"),
    "bad": ("predict", "run", "--data", "bad.csv", "-o", "{}-bad.csv"),
}
"""By name; `{}` is that of the process."""


def run(name: str) -> dict[str, list[object]]:
    """The exit status and the output of each command."""
    found: dict[str, list[object]] = {}
    for command, words in COMMANDS.items():
        result = CliRunner().invoke(main, [word.format(name) for word in words])
        found[command] = [result.exit_code, result.output]
    return found


if __name__ == "__main__":
    shared_rows._ROWS = 300
    if not Path("run").exists():
        main(["train", "spec.yaml", "--run-dir", "run", "--quiet"], standalone_mode=False)
    Path(f"{sys.argv[1]}.json").write_text(json.dumps(run(sys.argv[1])))
