"""The supervisor of several workers, here small programs that load nothing: what it starts again,
when it gives up, and that nothing remains of its workers, whatever dies.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from modelspec.errors import RunError
from modelspec.runtime.distributed import local_workers
from modelspec.runtime.distributed.local_workers import LocalWorker, start_local
from modelspec.runtime.distributed.supervisor import Job, supervise

_PACKAGE = str(Path(__file__).parents[1])
_PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {package!r})
from modelspec.runtime.distributed.supervised import attach
worker = int(os.environ["MODELSPEC_WORKER"])
folder = {folder!r}
attempt = len([one for one in os.listdir(folder) if one.startswith(f"{{worker}}-")])
open(os.path.join(folder, f"{{worker}}-{{attempt}}"), "w").write(str(os.getpid()))
print(f"worker {{worker}} attempt {{attempt}} {{sys.argv[1:]}}", flush=True)
{body}
"""


class _Workers:
    """Workers that run a program instead of modelspec; it knows `worker` and `attempt`."""

    def __init__(self, folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "workers"
        self.folder.mkdir()
        program = folder / "program.py"
        program.write_text(_PROGRAM.format(package=_PACKAGE, folder=str(self.folder), body=body))
        real = subprocess.Popen

        def popen(command: Sequence[str], **options: Any) -> Any:
            return real([sys.executable, str(program), *command[4:]], **options)

        monkeypatch.setattr(local_workers.subprocess, "Popen", popen)

    def pids(self) -> list[int]:
        return [int(text) for one in self.folder.iterdir() if (text := one.read_text())]

    def left(self) -> list[int]:
        """The processes that still exist, as zombies or running."""
        return [pid for pid in self.pids() if Path(f"/proc/{pid}").exists()]


def _job(folder: Path, **more: Any) -> Job:
    return Job(folder / "run", ("train", "spec.yaml"), ("resume", "run"), 2, **more)


def test_workers_that_complete_the_run_give_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only the output of the chief is shown; every worker has its address, and its threads."""
    body = """
print(os.environ["MODELSPEC_HOSTS"], os.environ["TF_NUM_INTRAOP_THREADS"], flush=True)
assert len(os.environ["MODELSPEC_TOKEN"]) == 32 and "RANK" not in os.environ
sys.exit(4 if worker == 0 else 0)
"""
    monkeypatch.setenv("RANK", "7")
    workers = _Workers(tmp_path, body, monkeypatch)
    said: list[str] = []
    assert supervise(_job(tmp_path), said.append) == 4
    assert said == []
    shown = capfd.readouterr().out
    assert "worker 0 attempt 0 ['train', 'spec.yaml']" in shown
    assert "worker 1" not in shown
    addresses, threads = shown.splitlines()[1].split()
    assert len(set(addresses.split(","))) == 2
    assert all(one.startswith("127.0.0.1:") for one in addresses.split(","))
    assert int(threads) == max(1, len(os.sched_getaffinity(0)) // 2)
    assert workers.left() == []


@pytest.mark.parametrize("killed", [0, 1])
def test_all_workers_are_restarted_when_one_is_killed(
    killed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """And continue the run, if it has begun."""
    body = f"""
if attempt == 0:
    if worker == 0:
        os.makedirs({str(tmp_path / "run")!r}, exist_ok=True)
        open({str(tmp_path / "run" / "manifest.json")!r}, "w").write("{{}}")
        open({str(tmp_path / "run" / "resolved.yaml")!r}, "w").write("")
    if worker == {killed}:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60 if worker == 1 else 1)
    sys.exit(75)
"""
    workers = _Workers(tmp_path, body, monkeypatch)
    monkeypatch.setattr("modelspec.runtime.distributed.supervisor._GRACE", 1.5)
    said: list[str] = []
    assert supervise(_job(tmp_path), said.append) == 0
    name = "the chief" if killed == 0 else "worker 1"
    assert said == [f"{name} was killed by SIGKILL; restart 1 of 3 from the last checkpoint"]
    assert "worker 0 attempt 1 ['resume', 'run']" in capfd.readouterr().out
    assert len(workers.pids()) == 4
    assert workers.left() == []


def test_a_run_that_did_not_begin_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    body = "sys.exit(75 if attempt == 0 else 0)"
    _Workers(tmp_path, body, monkeypatch)
    assert supervise(_job(tmp_path), lambda line: None) == 0
    assert "worker 0 attempt 1 ['train', 'spec.yaml']" in capfd.readouterr().out


def test_it_gives_up_after_the_last_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = _Workers(tmp_path, "os.kill(os.getpid(), signal.SIGSEGV)", monkeypatch)
    with pytest.raises(RunError, match="was killed by SIGSEGV") as raised:
        supervise(_job(tmp_path, restarts=1), lambda line: None)
    found = raised.value.diagnostics[0]
    assert (found.code, len(workers.pids())) == ("MS944", 4)
    assert f"modelspec resume {tmp_path / 'run'} --workers 2" in str(found.help)
    assert workers.left() == []


def test_a_fault_that_another_start_repeats_ends_the_run_with_its_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker whose data are wrong: the chief only knows that it lost this worker."""
    body = """
if worker == 1:
    print("error[MS601]: `flowers.csv` does not exist", flush=True)
    sys.exit(3)
time.sleep(0.5)
sys.exit(75)
"""
    workers = _Workers(tmp_path, body, monkeypatch)
    said: list[str] = []
    assert supervise(_job(tmp_path), said.append) == 3
    assert len(said) == 1
    assert "error[MS601]: `flowers.csv` does not exist" in said[0]
    assert len(workers.pids()) == 2


def test_a_worker_that_is_stopped_is_restarted_after_the_time_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = """
attach()
if attempt == 0:
    time.sleep(1.5)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
    workers = _Workers(tmp_path, body, monkeypatch)
    monkeypatch.setenv("MODELSPEC_SILENCE", "3")
    monkeypatch.setattr("modelspec.runtime.distributed.supervisor._GRACE", 0.1)
    said: list[str] = []
    assert supervise(_job(tmp_path), said.append) == 0
    [line] = said  # both are stopped at about the same time
    assert line.removeprefix("the chief").removeprefix("worker 1") == (
        " has given no sign of life for 3 s; restart 1 of 3 from the last checkpoint"
    )
    assert workers.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_all_workers_which_save_the_run(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"""
def stop(number, frame):
    open(os.path.join({str(tmp_path)!r}, f"got-{{worker}}-{{number}}"), "w")
    sys.exit(75)
for one in (signal.SIGINT, signal.SIGTERM):
    signal.signal(one, stop)
time.sleep(60)
"""
    workers = _Workers(tmp_path, body, monkeypatch)
    me = os.getpid()

    def interrupt() -> None:
        until = time.monotonic() + 30
        while len(workers.pids()) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.3)  # their handlers are set
        os.kill(me, number)

    thread = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread.start()
    try:
        assert supervise(_job(tmp_path), lambda line: None) == 75
    finally:
        signal.signal(signal.SIGINT, before)
        thread.join()
    got = sorted(one.name for one in tmp_path.glob("got-*"))
    assert got == [f"got-{worker}-{int(number)}" for worker in range(2)]
    assert workers.left() == []


def test_workers_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    """Even those that ignore SIGTERM, after a grace."""
    pids = tmp_path / "workers"
    pids.mkdir()
    body = "attach()\nif worker: signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    body = body.replace(
        "attach()", "import modelspec.runtime.distributed.supervised as s\ns._GRACE = 0.3\nattach()"
    )
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM.format(package=_PACKAGE, folder=str(pids), body=body))
    start = f"""
import subprocess, sys
sys.path.insert(0, {_PACKAGE!r})
from pathlib import Path
from modelspec.runtime.distributed import local_workers
from modelspec.runtime.distributed.supervisor import Job, supervise
real = subprocess.Popen
local_workers.subprocess.Popen = lambda command, **options: real(
    [sys.executable, {str(program)!r}], **options)
supervise(Job(Path("run"), ("train",), ("resume",), 2), print)
"""
    supervisor = subprocess.Popen([sys.executable, "-c", start], cwd=tmp_path)
    _until(lambda: len([one for one in pids.iterdir() if one.read_text()]) == 2)
    found = [int(one.read_text()) for one in pids.iterdir()]
    supervisor.kill()
    supervisor.wait()
    _until(lambda: not any(_runs(pid) for pid in found))


def _runs(pid: int) -> bool:
    """Whether a process runs; this process does not collect the zombies of another one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "nothing happened for 30 s"
        time.sleep(0.02)


def test_gpus_are_shared_among_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7,9")
    shares = [one["CUDA_VISIBLE_DEVICES"] for one in local_workers._gpus_of(2)]
    assert shares == ["4,5", "6,7"]
    with pytest.raises(RunError, match="6 workers require 6 GPUs, but this host has 5"):
        local_workers._gpus_of(6)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert local_workers._gpus_of(2) == [{}, {}]


def test_threads_that_the_user_has_set_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "3")
    monkeypatch.delenv("TF_NUM_INTEROP_THREADS", raising=False)
    assert local_workers.threads_of(1) == {
        "TF_NUM_INTRAOP_THREADS": "3",
        "TF_NUM_INTEROP_THREADS": "1",
    }


def test_workers_inherit_no_descriptor_but_their_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a worker would keep the connection of another one open."""
    body = f"""
kinds = [os.readlink(f"/proc/self/fd/{{one}}") for one in os.listdir("/proc/self/fd")
         if os.path.exists(f"/proc/self/fd/{{one}}")]
count = sum(one.startswith("socket:") for one in kinds)
open(os.path.join({str(tmp_path)!r}, f"sockets-{{worker}}"), "w").write(str(count))
"""
    _Workers(tmp_path, body, monkeypatch)
    with socket.socket():
        assert supervise(_job(tmp_path), lambda line: None) == 0
    assert [(tmp_path / f"sockets-{one}").read_text() for one in range(2)] == ["1", "1"]


def test_started_workers_end_if_another_one_cannot_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = _Workers(tmp_path, "time.sleep(60)", monkeypatch)
    started: list[LocalWorker] = []

    def second_fails(*given: Any) -> LocalWorker:
        if started:
            raise OSError("no process")
        started.append(LocalWorker(*given))
        return started[0]

    monkeypatch.setattr(local_workers, "LocalWorker", second_fails)
    with pytest.raises(OSError, match="no process"):
        start_local(("train",), 2, tmp_path)
    assert workers.left() == []
