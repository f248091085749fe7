"""What a trial of a sweep costs beside its training, and whether memory grows with their number.

    python benchmarks/sweep_overhead.py [TRIALS]

One process makes the trials of a sweep, then the same specs are trained in one process by
`ms.load_spec(...).train()`, alternating in CPU seconds per trial. Memory is the resident set after
5 trials and after the last one.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.sweeps import spec

SWEEP = """
objective: {minimize: val_loss}
trials: TRIALS
sampler: tpe
parameters:
  vars.units: {integers: [2, 64]}
  training.optimizer.Adam.learning_rate: {log_uniform: [1e-4, 1e-1]}
"""


def resident() -> float:
    """The resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main(trials: int = 50) -> None:
    import modelspec as ms
    from modelspec.sweep import trial_runs, worker

    os.chdir(tempfile.mkdtemp(prefix="modelspec-sweep-"))
    Path("small.yaml").write_text(spec(SWEEP.replace("TRIALS", str(trials)), epochs=3))
    inner: list[float] = []
    whole: list[float] = []
    memory: list[float] = []
    plain: list[float] = []
    run_once, one_run = trial_runs.run_once, worker.SweepWorker._run
    last = [time.process_time()]

    def timed_run(*given: object) -> object:
        began = time.process_time()
        found = run_once(*given)  # type: ignore[arg-type]
        inner.append(time.process_time() - began)
        return found

    def timed_trial(self: worker.SweepWorker, *given: object) -> None:
        one_run(self, *given)  # type: ignore[arg-type]
        now = time.process_time()
        whole.append(now - last[0])
        memory.append(resident())
        if len(plain) < 10 and len(whole) > 5:  # interleaved: the same training alone
            began = time.process_time()
            ms.load_spec("small.yaml").train(verbose=0)
            plain.append(time.process_time() - began)
        last[0] = time.process_time()

    trial_runs.run_once = timed_run  # type: ignore[assignment]
    worker.SweepWorker._run = timed_trial  # type: ignore[method-assign]
    ms.load_spec("small.yaml").sweep(verbose=0)
    beside = [all_ - own for all_, own in zip(whole[1:], inner[1:], strict=True)]
    print(f"{trials} trials, CPU seconds per trial after the first:")
    print(f"  training {statistics.median(inner[1:]):.2f}, alone {statistics.median(plain):.2f}")
    print(f"  beside the training: median {statistics.median(beside):.3f}, most {max(beside):.3f}")
    print(f"  memory: {memory[4]:.0f} MB after 5, {memory[-1]:.0f} MB after {len(memory)}")
    print(f"  ratio {memory[-1] / memory[4]:.3f}")
    print("  " + " ".join(f"{one:.0f}" for one in memory[::5]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
