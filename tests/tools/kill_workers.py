"""Kills workers of trainings at random moments, and compares what the runs end with:

    python -m tests.tools.kill_workers 6 1      # the number of kills, the seed

Each training has two workers. One of them, or the command itself, is killed by SIGKILL at a random
moment between its start and its end. The command restarts the workers from the last checkpoint (a
killed command is resumed), and the run must end with the weights, the history and the metrics of
an undisturbed one, to the bit, without a process left.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..test_workers_train import ROOT, history, weights, write_project

_TRAIN = ("train", "spec.yaml", "--workers", "2", "--quiet", "--run-dir")
_VICTIMS = ("the chief", "worker 1", "the command")


def _begin(project: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "modelspec", *words],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return sorted(int(one) for one in path.read_text().split()) if path.exists() else []


def _killed(project: Path, run: str, victim: int | None, after: float) -> tuple[str, list[int]]:
    """The output of a training of which a process was killed; and the processes that it had. The
    victim is an index of `_VICTIMS`; None: nothing is killed.
    """
    process = _begin(project, *_TRAIN, run)
    time.sleep(after)
    workers = _children(process.pid)
    seen = list(workers)
    targets = [*workers, process.pid] if len(workers) == 2 else []
    if process.poll() is None and victim is not None and targets:
        os.kill(targets[victim], signal.SIGKILL)
    output, _ = process.communicate(timeout=600)
    if process.returncode == -signal.SIGKILL:
        for one in workers:
            _wait_for_the_end(one)
        begun = (project / run / "resolved.yaml").exists()
        words = ("resume", run, "--workers", "2", "--quiet") if begun else (*_TRAIN, run)
        process = _begin(project, *words)
        more, _ = process.communicate(timeout=600)
        output += more
    if process.returncode:
        raise SystemExit(f"{run}: status {process.returncode}\n{output}")
    return output, seen


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _wait_for_the_end(pid: int) -> None:
    until = time.monotonic() + 120
    while _runs(pid):
        if time.monotonic() > until:
            raise SystemExit(f"the worker {pid} is left behind")
        time.sleep(0.1)


def _differences(run: Path, calm: Path) -> list[str]:
    """In what a run differs from the undisturbed one."""
    pairs = {
        "weights": (weights(run), weights(calm)),
        "history": (history(run), history(calm)),
        "metrics": tuple((one / "metrics.json").read_text() for one in (run, calm)),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(count: int, seed: int) -> None:
    """Trains once undisturbed, and `count` times with a kill."""
    generator = random.Random(seed)
    project = write_project(Path(tempfile.mkdtemp(prefix="kill-workers-")))
    began = time.monotonic()
    _killed(project, "calm", None, 0)
    whole, calm = time.monotonic() - began, project / "calm"
    _say(f"undisturbed: {whole:.1f} s")
    for number in range(count):
        victim, after = number % len(_VICTIMS), generator.uniform(0.1, 0.95) * whole
        run = project / f"run-{number}"
        output, seen = _killed(project, run.name, victim, after)
        wrong = _differences(run, calm) + (["a process is left"] if any(map(_runs, seen)) else [])
        restarts = output.count("; restart ")
        found = ", ".join(wrong) or "equal"
        _say(f"{_VICTIMS[victim]} killed after {after:.1f} s, {restarts} restarts: {found}")
        if wrong:
            raise SystemExit(f"{run} differs")
    shutil.rmtree(project)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
