"""Proposals and pruning of sweeps are functions of the trials before; the oracles are Optuna's own
studies, and the package `cmaes`. No training, no framework.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

optuna = pytest.importorskip("optuna")
pytest.importorskip("cmaes")

from modelspec.compiler.space import Space  # noqa: E402
from modelspec.errors import RunError  # noqa: E402
from modelspec.sweep import stored  # noqa: E402
from modelspec.sweep.distributions import distribution, value_of  # noqa: E402
from modelspec.sweep.leases import LEASE, Worker  # noqa: E402
from modelspec.sweep.proposal import proposal  # noqa: E402
from modelspec.sweep.pruning import pruner, verdict  # noqa: E402
from modelspec.sweep.storage import open_storage  # noqa: E402
from modelspec.sweep.stored import Result  # noqa: E402

from .sweeps import space  # noqa: E402

Function = Callable[[dict[str, Any]], float]
RANGES = """
parameters:
  vars.a: {uniform: [-5, 5]}
  vars.b: {log_uniform: [1e-3, 1e2]}
  vars.units: [2, 4, 8]
  vars.depth: {integers: [1, 9]}
"""


def simulated(
    found: Space, folder: Path, function: Function, trials: int, *, reopened: bool = False
) -> list[tuple[dict[str, Any], float | None]]:
    """The values of a sweep whose objective is a function of them, without training."""
    sweep = found.sweep
    storage = open_storage(None, folder, "sweep", sweep)
    first = len(storage.trials())
    for number in range(first, first + trials):
        if reopened:  # as after a kill
            storage = open_storage(None, folder, "sweep", sweep)
        one = proposal(found, storage.trials(), pruner(sweep, 2))
        if one is None:
            break
        trial = stored.create(storage, one, {})
        values = stored.values(found, trial)
        result = Result("completed", (function(values),) * len(sweep.objectives))
        stored.finish(storage, number, result)
    ended = stored.views(found, storage.trials())
    return [(dict(one.values), one.objectives[0] if one.objectives else None) for one in ended]


def bowl(values: dict[str, Any]) -> float:
    """A function of all parameters, the smallest at a=1, b=1, units 8, depth 5."""
    return float(
        (values["vars.a"] - 1) ** 2
        + math.log10(values["vars.b"]) ** 2
        + (values["vars.units"] != 8)
        + abs(values["vars.depth"] - 5)
    )


@pytest.mark.parametrize(
    "sampler", ["random", "tpe", "cmaes", "nsga2", "{tpe: {multivariate: true}}"]
)
def test_a_reopened_sweep_proposes_what_the_undisturbed_one_does(
    sampler: str, tmp_path: Path
) -> None:
    head = f"objective: {{minimize: val_loss}}\ntrials: 25\nsampler: {sampler}\n"
    found = space(tmp_path, head + RANGES)
    whole = simulated(found, tmp_path / "whole", bowl, 25)
    again = simulated(found, tmp_path / "again", bowl, 25, reopened=True)
    assert whole == again
    assert len({json.dumps(values) for values, _ in whole}) > 20


def test_another_seed_draws_other_values(tmp_path: Path) -> None:
    head = "objective: {minimize: val_loss}\ntrials: 5\nsampler: random\n"
    drawn = [
        simulated(space(tmp_path, head + RANGES, seed=seed), tmp_path / str(seed), bowl, 3)
        for seed in (1, 2)
    ]
    assert drawn[0] != drawn[1]


def test_conditions_decide_which_values_a_trial_has(tmp_path: Path) -> None:
    text = """
objective: {minimize: val_loss}
trials: 20
sampler: tpe
parameters:
  vars.depth: {integers: [1, 6]}
  vars.a: {uniform: [0, 1], when: $(depth > 3)}
"""
    found = simulated(space(tmp_path, text), tmp_path, lambda values: values["vars.depth"], 20)
    assert all(("vars.a" in values) == (values["vars.depth"] > 3) for values, _ in found)
    assert {"vars.a" in values for values, _ in found} == {True, False}


def test_a_grid_is_every_combination_once_in_order(tmp_path: Path) -> None:
    text = """
objective: {minimize: val_loss}
sampler: grid
parameters:
  vars.units: [2, 4]
  vars.depth: {integers: [1, 3]}
  vars.a: {uniform: [0, 0.3], step: 0.1}
"""
    found = simulated(space(tmp_path, text), tmp_path, lambda values: 0.0, 100)
    listed = [tuple(values.values()) for values, _ in found]
    expected = [(u, d, a) for u in (2, 4) for d in (1, 2, 3) for a in (0.0, 0.1, 0.2, 0.3)]
    assert listed == expected


def test_values_that_are_equal_in_python_stay_apart(tmp_path: Path) -> None:
    text = """
objective: {minimize: val_loss}
sampler: grid
parameters: {"vars.units": [2, 4], "vars.a": {values: [1, 1.0, true, [1, 2], null]}}
"""
    found = space(tmp_path, text)
    parameter = found.parameters[1]
    kinds = [
        value_of(parameter, one)
        for one in distribution(parameter).choices  # type: ignore[attr-defined]
    ]
    assert [repr(one) for one in kinds] == ["1", "1.0", "True", "(1, 2)", "None"]


# Against Optuna and cmaes -------------------------------------------------------------------------


def _plain(sampler: Any, trials: int, function: Callable[[float, float], float]) -> float:
    """The best value that an ordinary study of Optuna finds."""
    study = optuna.create_study(sampler=sampler)
    study.optimize(
        lambda one: function(one.suggest_float("a", -5, 5), one.suggest_float("b", -5, 5)), trials
    )
    return float(study.best_value)


def test_tpe_finds_the_minimum_within_as_many_trials_as_plain_optuna(tmp_path: Path) -> None:
    """The median over seeds of the best value after 60 trials, of a function of two parameters."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def function(a: float, b: float) -> float:
        return (a - 2) ** 2 + (b + 1) ** 2

    own, plain = [], []
    for seed in range(7):
        text = """
objective: {minimize: val_loss}
trials: 60
sampler: tpe
parameters: {vars.a: {uniform: [-5, 5]}, vars.b: {uniform: [-5, 5]}}
"""
        found = space(tmp_path, text, seed=seed)
        run = simulated(
            found, tmp_path / str(seed), lambda v: function(v["vars.a"], v["vars.b"]), 60
        )
        own.append(min(value for _, value in run if value is not None))
        sampler = optuna.samplers.TPESampler(seed=seed, multivariate=False)
        plain.append(_plain(sampler, 60, function))
    assert sorted(own)[3] <= 2 * sorted(plain)[3] and sorted(own)[3] < 0.2


def test_cma_es_equals_the_package_cmaes(tmp_path: Path) -> None:
    """The second generation follows from the mean and covariance that `cmaes` computes."""
    import numpy as np
    from cmaes import CMA

    from modelspec.sweep.samplers import seed_of

    text = """
objective: {minimize: val_loss}
trials: 20
sampler: {cmaes: {startup_trials: 0, population: 6, sigma: 0.2}}
parameters: {vars.a: {uniform: [-5, 5]}, vars.b: {uniform: [0, 2]}}
"""
    found = space(tmp_path, text, seed=4)
    run = simulated(found, tmp_path, lambda v: (v["vars.a"] - 3) ** 2 + (v["vars.b"] - 1) ** 2, 13)
    optimizer = CMA(np.full(2, 0.5), 0.2, np.tile([0.0, 1.0], (2, 1)), seed=0, population_size=6)
    at = [np.array([(v["vars.a"] + 5) / 10, v["vars.b"] / 2]) for v, _ in run]
    for number in range(13):
        optimizer.reseed_rng(seed_of(4, number))
        assert np.allclose(optimizer.ask(), at[number], atol=1e-12), number
        if number % 6 == 5:
            optimizer.tell([(at[one], run[one][1]) for one in range(number - 5, number + 1)])


def test_cma_es_finds_the_minimum(tmp_path: Path) -> None:
    text = """
objective: {maximize: val_accuracy}
trials: 120
sampler: cmaes
parameters: {vars.a: {uniform: [-5, 5]}, vars.b: {log_uniform: [1e-3, 1e2]}}
"""
    found = simulated(
        space(tmp_path, text),
        tmp_path,
        lambda v: -((v["vars.a"] - 1) ** 2) - math.log10(v["vars.b"]) ** 2,
        120,
    )
    assert max(value for _, value in found if value is not None) > -0.01


def test_nsga2_finds_a_front(tmp_path: Path) -> None:
    """Two objectives, a² and (a - 2)²: the front is a from 0 to 2."""
    text = """
objective: [{minimize: val_loss}, {minimize: test_loss}]
trials: 160
sampler: {nsga2: {population: 16}}
parameters: {vars.a: {uniform: [-5, 5]}, vars.b: {uniform: [0, 1]}}
"""
    found = space(tmp_path, text)
    storage = open_storage(None, tmp_path, "sweep", found.sweep)
    for number in range(160):
        one = proposal(found, storage.trials())
        assert one is not None
        trial = stored.create(storage, one, {})
        a = stored.values(found, trial)["vars.a"]
        stored.finish(storage, number, Result("completed", (a**2, (a - 2) ** 2)))
    last = [stored.values(found, one)["vars.a"] for one in storage.trials()[-16:]]
    first = [stored.values(found, one)["vars.a"] for one in storage.trials()[:16]]
    inside = [sum(-0.1 <= one <= 2.1 for one in each) for each in (first, last)]
    assert inside[1] > inside[0] and inside[1] >= 8


def _curves(count: int, epochs: int) -> list[list[float]]:
    random.seed(5)
    return [
        [random.uniform(0.2, 1.5) / (epoch + 1) + random.uniform(0, 0.3) for epoch in range(epochs)]
        for _ in range(count)
    ]


PRUNERS = {
    "{median: {startup_trials: 3, min_epochs: 2}}": lambda: optuna.pruners.MedianPruner(3, 2),
    "{asha: {min_epochs: 1, reduction: 2}}": lambda: optuna.pruners.SuccessiveHalvingPruner(1, 2),
    "{hyperband: {min_epochs: 1, reduction: 2}}": lambda: optuna.pruners.HyperbandPruner(1, 9, 2),
}


@pytest.mark.parametrize("name", PRUNERS)
def test_pruners_decide_as_in_a_study_of_optuna(name: str, tmp_path: Path) -> None:
    """Each decision is computed from the storage alone; Optuna's study decides as it goes."""
    head = f"objective: {{minimize: val_loss}}\ntrials: 30\nsampler: random\npruner: {name}\n"
    found = space(tmp_path, head + RANGES, epochs=9)
    sweep, curves = found.sweep, _curves(30, 9)
    study = optuna.create_study(
        study_name="sweep", pruner=PRUNERS[name](), sampler=optuna.samplers.RandomSampler(seed=0)
    )
    storage = open_storage(None, tmp_path, "sweep", sweep)
    ends: list[tuple[int, int]] = []
    for number, curve in enumerate(curves):
        expected = _of_study(study, curve)
        one = proposal(found, storage.trials(), pruner(sweep, 9))
        assert one is not None
        stored.create(storage, one, {})
        own: dict[int, float] = {}
        state = "completed"
        for epoch, value in enumerate(curve[:-1], 1):
            own[epoch] = value
            decided = verdict(sweep, 9, storage.trials(), number, own)
            stored.report(storage, number, epoch, value, decided.attributes)
            if decided.prunes:
                state = "pruned"
                break
        if state == "completed":
            own[9] = curve[-1]
            stored.report(
                storage,
                number,
                9,
                curve[-1],
                verdict(sweep, 9, storage.trials(), number, own).attributes,
            )
        stored.finish(storage, number, Result(state, (curve[-1],)))  # type: ignore[arg-type]
        ends.append((max(own), expected))
    assert [own for own, _ in ends] == [expected for _, expected in ends]
    assert any(own < 9 for own, _ in ends) and any(own == 9 for own, _ in ends)


def _of_study(study: Any, curve: list[float]) -> int:
    """The last epoch of a trial in a study of Optuna, which does not prune after the last epoch."""
    trial = study.ask()
    for epoch, value in enumerate(curve, 1):
        trial.report(value, epoch)
        if trial.should_prune() and epoch < len(curve):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return epoch
    study.tell(trial, curve[-1])
    return len(curve)


# Storage ------------------------------------------------------------------------------------------

PLAIN = "objective: {minimize: val_loss}\ntrials: 9\nsampler: random\n" + RANGES


def test_an_incomplete_last_line_of_the_journal_is_removed(tmp_path: Path) -> None:
    found = space(tmp_path, PLAIN)
    before = simulated(found, tmp_path, bowl, 3)
    with (tmp_path / "journal.log").open("ab") as file:
        file.write(b'{"op_code": 4, "worker_i')
    after = simulated(found, tmp_path, bowl, 0)
    assert after == before
    assert len(simulated(found, tmp_path, bowl, 1)) == 4


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        '{"op_code": 4}',
        '{"op_code": 99, "worker_id": "x"}',
        "not json",
        '{"op_code": "__import__", "worker_id": 1}',
    ],
)
def test_a_journal_of_a_stranger_is_a_fault(line: str, tmp_path: Path) -> None:
    found = space(tmp_path, PLAIN)
    simulated(found, tmp_path, bowl, 1)
    path = tmp_path / "journal.log"
    path.write_text(path.read_text() + f"{line}\n" + f"{line}\n")
    with pytest.raises(RunError, match="MS917"):
        open_storage(None, tmp_path, "sweep", found.sweep).trials()


def test_values_outside_of_the_space_are_a_fault(tmp_path: Path) -> None:
    """Optuna would accept any distribution in a file."""
    found = space(tmp_path, PLAIN)
    storage = open_storage(None, tmp_path, "sweep", found.sweep)
    study = optuna.load_study(study_name="sweep", storage=storage.optuna)
    study.ask({"data.source.csv": optuna.distributions.CategoricalDistribution(["/etc/passwd"])})
    with pytest.raises(RunError, match="MS917"):
        stored.views(found, storage.trials())


def test_only_text_is_stored(tmp_path: Path) -> None:
    """No pickle, whatever the sampler."""
    text = PLAIN.replace("random", "cmaes")
    simulated(space(tmp_path, text), tmp_path, bowl, 8)
    for line in (tmp_path / "journal.log").read_text().splitlines():
        assert "cma:" not in line and json.loads(line)


def _hold(folder: Path, ready: Any) -> None:
    worker = Worker(folder)
    ready.put(worker.lease())
    ready.get()  # killed here


def test_a_killed_worker_is_found_dead(tmp_path: Path) -> None:
    found = space(tmp_path, PLAIN)
    storage = open_storage(None, tmp_path, "sweep", found.sweep)
    one = proposal(found, [])
    assert one is not None
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    process = context.Process(target=_hold, args=(tmp_path, ready))
    process.start()
    lease = ready.get(timeout=60)
    trial = stored.create(storage, one, lease)
    mine = Worker(tmp_path)
    assert mine.is_alive(trial)
    process.kill()
    process.join()
    assert not mine.is_alive(trial)
    elsewhere = {**lease, "host": "another"}
    storage.optuna.set_trial_user_attr(trial._trial_id, LEASE, elsewhere)
    assert mine.is_alive(storage.trials()[0])  # until its lease expires
    storage.optuna.set_trial_user_attr(trial._trial_id, LEASE, {**elsewhere, "at": 1.0})
    assert not mine.is_alive(storage.trials()[0])
    mine.close()
