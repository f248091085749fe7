"""Which processes train together, from the variables of launchers."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from modelspec.errors import RunError
from modelspec.runtime.distributed.agreement import difference
from modelspec.runtime.distributed.cluster import Cluster, current_cluster
from modelspec.runtime.distributed.host_lists import expanded
from modelspec.runtime.distributed.launchers import cluster_of
from modelspec.runtime.distributed.limits import Limits

_TF = {"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}}
_SLURM = {
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_PROCID": "2",
    "SLURM_STEP_NODELIST": "n[08-09]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
}
_TORCH = {"WORLD_SIZE": "3", "RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}
_HOSTS = "10.0.0.1:2222,10.0.0.2:2222"


def _tf(task: object, **cluster: object) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster or _TF["cluster"], "task": task})}


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        ("node[01-04,07],login", ["node01", "node02", "node03", "node04", "node07", "login"]),
        ("n[8-10]", ["n8", "n9", "n10"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("r[1-2]n[1-2]:99", ["r1n1:99", "r1n2:99", "r2n1:99", "r2n2:99"]),
        ("[fe80::1]:22, b:22", ["[fe80::1]:22", "b:22"]),
        ("one", ["one"]),
        ("a[1", None),
        ("a]", None),
        ("a[2-1]", None),
        ("a[x]", None),
        ("a,,b", None),
        ("", None),
        ("a[0-99999]", None),
    ],
)
def test_lists_of_hosts_are_expanded_as_slurm_does(written: str, hosts: list[str] | None) -> None:
    """The expected lists are those of `scontrol show hostnames`."""
    assert expanded(written) == hosts


@pytest.mark.parametrize(
    ("variables", "addresses", "index"),
    [
        ({"MODELSPEC_HOSTS": _HOSTS, "MODELSPEC_WORKER": "1"}, _HOSTS, 1),
        ({"MODELSPEC_HOSTS": "t-[0-1].t:22", "JOB_COMPLETION_INDEX": "1"}, "t-0.t:22,t-1.t:22", 1),
        ({"MODELSPEC_HOSTS": "a,a,b", "MODELSPEC_WORKER": "0"}, "a:12300,a:12301,b:12300", 0),
        (
            {"MODELSPEC_HOSTS": "a,b", "MODELSPEC_WORKER": "0", "MODELSPEC_PORT": "5"},
            "a:5,b:5",
            0,
        ),
        (_tf({"type": "worker", "index": 1}), "10.0.0.1:2222,10.0.0.2:2222", 1),
        (_tf({"type": "worker", "index": "0"}, chief=["c:1"], worker=["w:1"]), "c:1,w:1", 1),
        (_tf({"type": "chief", "index": 0}, chief=["c:1"], worker=["w:1"]), "c:1,w:1", 0),
        (_SLURM, "n08:11232,n08:11233,n09:11232", 2),
        ({**_SLURM, "MODELSPEC_PORT": "7000"}, "n08:7000,n08:7001,n09:7000", 2),
        (
            {**_SLURM, "SLURM_STEP_NODELIST": "n[1-3]", "SLURM_STEP_TASKS_PER_NODE": "1(x3)"},
            "n1:11232,n2:11232,n3:11232",
            2,
        ),
        # modelspec's own variables come first
        ({**_SLURM, "MODELSPEC_HOSTS": _HOSTS, "MODELSPEC_WORKER": "0"}, _HOSTS, 0),
    ],
)
def test_processes_are_found_in_the_variables_of_launchers(
    variables: Mapping[str, str], addresses: str, index: int
) -> None:
    found = cluster_of(variables)
    assert found is not None
    assert (",".join(found.addresses), found.index) == (addresses, index)
    assert found.is_chief == (index == 0)
    assert found.place == found.addresses[0]


def test_processes_of_torchrun_know_their_own_address_and_where_to_meet() -> None:
    found = cluster_of(_TORCH)
    assert found is not None
    assert (found.addresses, found.index) == (("", "127.0.0.1:29503", ""), 1)
    assert found.place == "127.0.0.1:29501"


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        {"TF_CONFIG": json.dumps({"cluster": {}, "task": {"type": "worker", "index": 0}})},
        _tf({"type": "worker", "index": 0}, worker=["a:1"]),
        {"MODELSPEC_HOSTS": "a:1", "MODELSPEC_WORKER": "0"},
        {"WORLD_SIZE": "1", "RANK": "0"},
        {"WORLD_SIZE": "4"},  # as left by other programs
        {"JOB_COMPLETION_INDEX": "3"},  # of a Kubernetes job whose processes train alone
        # The shell of `sbatch` with four tasks, and a step of one task
        {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_NODELIST": "n[1-4]"},
        {**_SLURM, "SLURM_STEP_NUM_TASKS": "1"},
    ],
)
def test_a_process_without_others_is_alone(variables: Mapping[str, str]) -> None:
    assert cluster_of(variables) is None


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"MODELSPEC_WORKER": "1"}, "MODELSPEC_WORKER is set, but MODELSPEC_HOSTS is not"),
        ({"MODELSPEC_HOSTS": _HOSTS}, "MODELSPEC_HOSTS is set, but JOB_COMPLETION_INDEX is not"),
        (
            {"MODELSPEC_HOSTS": _HOSTS, "MODELSPEC_WORKER": "2"},
            "MODELSPEC_WORKER is 2, but MODELSPEC_HOSTS lists 2 processes, numbered from 0",
        ),
        (
            {"MODELSPEC_HOSTS": _HOSTS, "MODELSPEC_WORKER": "one"},
            "MODELSPEC_WORKER must be an integer, found `one`",
        ),
        (
            {"MODELSPEC_HOSTS": "a:1,a:1", "MODELSPEC_WORKER": "0"},
            "MODELSPEC_HOSTS lists the address `a:1` twice",
        ),
        (
            {"MODELSPEC_HOSTS": "a[1,b", "MODELSPEC_WORKER": "0"},
            "MODELSPEC_HOSTS is not a list of hosts: `a[1,b`",
        ),
        (
            {"MODELSPEC_HOSTS": "a:0,b:1", "MODELSPEC_WORKER": "0"},
            "`a:0` is not an address: expected `host:port`",
        ),
        (
            {"MODELSPEC_HOSTS": "a:99999,b:1", "MODELSPEC_WORKER": "0"},
            "`a:99999` is not an address: expected `host:port`",
        ),
        ({"TF_CONFIG": "{"}, "TF_CONFIG is not valid JSON"),
        ({"TF_CONFIG": json.dumps(_TF)}, "`task.index` of TF_CONFIG must be an integer from 0"),
        (
            _tf({"type": "worker", "index": 2}),
            "`task.index` of TF_CONFIG is 2, but it lists fewer of type `worker`",
        ),
        (_tf({"type": "evaluator", "index": 0}), "TF_CONFIG starts an evaluator"),
        (_tf({"type": "ps", "index": 0}, worker=["a:1"], ps=["b:1"]), "has parameter servers"),
        (_tf({"type": "worker", "index": 0}, worker="a:1"), "must be a list of addresses"),
        (
            {**_SLURM, "SLURM_PROCID": "3"},
            "SLURM_PROCID is 3, but SLURM_STEP_NUM_TASKS lists 3 processes, numbered from 0",
        ),
        (
            {**_SLURM, "SLURM_STEP_TASKS_PER_NODE": "1,1"},
            "SLURM_STEP_TASKS_PER_NODE is `1,1`, but the step has 3 tasks on 2 hosts",
        ),
        ({**_SLURM, "SLURM_STEP_NODELIST": ""}, "SLURM_STEP_NODELIST is not a list of hosts"),
        ({**_TORCH, "MASTER_ADDR": ""}, "WORLD_SIZE is 3, but MASTER_ADDR is not set"),
        ({**_TORCH, "MASTER_PORT": ""}, "WORLD_SIZE is set, but MASTER_PORT is not"),
        (
            {**_TORCH, "RANK": "3"},
            "RANK is 3, but WORLD_SIZE lists 3 processes, numbered from 0",
        ),
    ],
)
def test_incomplete_and_contradictory_variables_are_errors(
    variables: Mapping[str, str], message: str
) -> None:
    with pytest.raises(RunError) as raised:
        cluster_of(variables)
    found = raised.value.diagnostics[0]
    assert found.code == "MS938"
    assert message in found.message
    assert found.help


def test_the_environment_of_this_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current_cluster() is None
    monkeypatch.setenv("MODELSPEC_HOSTS", _HOSTS)
    monkeypatch.setenv("MODELSPEC_WORKER", "1")
    assert current_cluster() == Cluster(tuple(_HOSTS.split(",")), 1, origin="MODELSPEC_HOSTS")
    monkeypatch.setenv("MODELSPEC_SILENCE", "5")
    assert (Limits.here().wait, Limits.here().silence) == (300, 5)
    monkeypatch.setenv("MODELSPEC_STEP", "soon")
    with pytest.raises(RunError, match="MODELSPEC_STEP must be a number of seconds"):
        Limits.here()


def test_a_difference_names_the_process_what_differs_and_both_values() -> None:
    cluster = Cluster(("a:1", "b:1", "c:1"), 0)
    same = {"version of keras": "3.15.1", "data: train, sha256": "1" * 64, "checkpoint": "none"}
    other = {**same, "version of keras": "3.14.0", "data: train, sha256": "2" * 64}
    assert difference({0: same, 1: same, 2: dict(same)}, cluster) is None
    error = difference({0: same, 1: same, 2: other}, cluster)
    assert error is not None
    found = error.diagnostics[0]
    assert found.code == "MS941"
    assert found.message == (
        "1 process cannot work with the chief: worker 2 (`c:1`) differs in"
        " `data: train, sha256`, and 1 more"
    )
    assert [" ".join(str(one).split()) for one in found.notes] == [
        "worker 2 (`c:1`) data: train, sha256 has 222222222222... the chief has 111111111111...",
        "worker 2 (`c:1`) version of keras has 3.14.0 the chief has 3.15.1",
    ]
    lacking = {name: value for name, value in same.items() if name != "checkpoint"}
    error = difference({0: same, 1: lacking, 2: same}, cluster)
    assert error is not None
    assert "has absent" in str(error.diagnostics[0].notes[0])
