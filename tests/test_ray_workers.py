"""Runs on a Ray cluster on loopback. Ray listens on every interface, so this one runs in a network
namespace that has only loopback; that needs root.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="requires Ray: pip install -e '.[test-ray]'")

from modelspec.runtime.distributed.ray_workers import _shares

from .test_workers_train import history, weights, write_project

pytestmark = pytest.mark.tensorflow

ROOT = Path(__file__).parents[1]
_ADDRESS = "127.0.0.1:26379"


@pytest.mark.parametrize(
    ("nodes", "count", "shares"),
    [
        ([(2, 0)], 2, (1, 0)),
        ([(8, 2), (4, 1)], 2, (4, 1)),
        ([(8, 4), (8, 4)], 2, (8, 4)),
        ([(8, 0), (2, 0)], 3, (2, 0)),
        ([(1, 0)], 4, (1, 0)),  # they have no place: the wait for one ends with an error
    ],
)
def test_every_worker_gets_the_largest_share_that_all_can_have(
    nodes: list[tuple[int, int]], count: int, shares: tuple[int, int]
) -> None:
    found = [{"Resources": {"CPU": float(cpu), "GPU": float(gpu)}} for cpu, gpu in nodes]
    assert _shares(found, count) == shares


class Network:
    """A network namespace with loopback only."""

    def __init__(self) -> None:
        self.name = f"msray{os.getpid()}"

    def run(self, folder: Path, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name, sys.executable, "-P", "-m", *command],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RAY_USAGE_STATS_ENABLED": "0",
                # Two workers on one host have these threads:
                "TF_NUM_INTRAOP_THREADS": "1",
                "TF_NUM_INTEROP_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """A namespace with a Ray cluster of two CPUs."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces require root and the command `ip`")
    found = Network()
    made = subprocess.run(["ip", "netns", "add", found.name], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"this machine allows no network namespaces: {made.stderr.strip()}")
    folder = Path(tempfile.mkdtemp(prefix="ray"))  # a short path: Ray has sockets in it
    subprocess.run(["ip", "-n", found.name, "link", "set", "lo", "up"], check=True)
    words = ["start", "--head", "--node-ip-address=127.0.0.1", "--port=26379", "--block"]
    words += ["--include-dashboard=false", "--num-cpus=2", f"--temp-dir={folder}"]
    cluster = found.run(folder, "ray.scripts.scripts", *words)
    try:
        assert cluster.stdout is not None
        for line in cluster.stdout:
            if "Ray runtime started" in line:
                break
        yield found
    finally:
        cluster.terminate()
        cluster.communicate(timeout=60)
        subprocess.run(["ip", "netns", "del", found.name], check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def local(project: Path, network: Network) -> Path:
    """The same run with two workers of one host."""
    process = network.run(
        project, "modelspec", "train", "spec.yaml", "--workers", "2", "--run-dir", "local"
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return project / "local"


def _on_ray(network: Network, project: Path, run: str) -> subprocess.Popen[str]:
    words = ("train", "spec.yaml", "--workers", "2", "--ray", _ADDRESS, "--run-dir", run)
    return network.run(project, "modelspec", *words)


def test_the_results_are_those_of_workers_of_one_host(
    network: Network, project: Path, local: Path
) -> None:
    process = _on_ray(network, project, "ray")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "epoch 8/8" in output
    assert weights(project / "ray") == weights(local)
    assert history(project / "ray") == history(local)


def test_a_killed_worker_is_restarted_from_the_last_checkpoint(
    network: Network, project: Path, local: Path
) -> None:
    run = project / "killed"
    process = _on_ray(network, project, "killed")
    until = time.monotonic() + 120
    while not list(run.glob("checkpoints/*")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.02)
    found = [
        int(one.name)
        for one in Path("/proc").iterdir()
        if one.name.isdecimal() and _is_worker(one, str(run.name))
    ]
    os.kill(max(found), signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert "was killed by SIGKILL; restart 1 of 3 from the last checkpoint" in output
    assert weights(run) == weights(local)


def _is_worker(process: Path, run: str) -> bool:
    """Whether a process trains this run as a worker."""
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        variables = (process / "environ").read_bytes()
    except OSError:
        return False
    return run.encode() in words and b"MODELSPEC_WORKER=" in variables


def test_a_cluster_that_does_not_run_is_named(network: Network, project: Path) -> None:
    process = network.run(
        project, "modelspec", "train", "spec.yaml", "--workers", "2", "--ray", "127.0.0.1:1"
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 3, output
    assert "error[MS945]: the Ray cluster at `127.0.0.1:1` cannot be reached" in output
    assert not (project / "runs").exists()
