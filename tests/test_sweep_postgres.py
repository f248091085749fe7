"""A sweep of two worker processes in a PostgreSQL database, which the test starts; one worker is
killed.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna")
pytest.importorskip("psycopg")

from .sweeps import spec  # noqa: E402
from .tools import kill_sweeps  # noqa: E402

pytestmark = pytest.mark.tensorflow

SEARCH = """
objective: {minimize: val_loss}
trials: 5
sampler: random
parameters:
  vars.units: {integers: [2, 9]}
  training.optimizer.Adam.learning_rate: {log_uniform: [1e-3, 1e-1]}
"""


def _server_user() -> str | None:
    """The user that runs the server, which refuses to run as root; None: this one."""
    if os.getuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), "nobody")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a new database."""
    if shutil.which("initdb") is None or shutil.which("pg_ctl") is None:
        pytest.skip("requires PostgreSQL: `initdb` and `pg_ctl`")
    folder = Path("/tmp") / f"modelspec-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    user = _server_user()
    if user is not None:
        shutil.chown(folder, user)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def server(*words: str) -> None:
        done = subprocess.run(
            words,
            user=user,
            cwd=folder,
            capture_output=True,
            text=True,
            env={**os.environ, "HOME": str(folder)},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(folder / "data")
    server("initdb", "-D", data, "-U", "tester", "--auth=trust", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    server("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://tester:secret@127.0.0.1:{port}/postgres"
    finally:
        server("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _worker(folder: Path, storage: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "modelspec", "sweep", "small.yaml", "--storage", storage],
        cwd=folder,
        env={**kill_sweeps.environment(), "TF_NUM_INTRAOP_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_workers_of_one_database_lose_no_trial_and_run_none_twice(
    database: str, tmp_path: Path
) -> None:
    (tmp_path / "small.yaml").write_text(spec(SEARCH, epochs=30))
    first, second = _worker(tmp_path, database), _worker(tmp_path, database)
    runs = tmp_path / "runs/small/sweep-1"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and len(list(runs.glob("[01]/history.csv"))) < 2:
        ended = [one.communicate() for one in (first, second) if one.poll() is not None]
        assert not ended, ended
        time.sleep(0.05)
    victim = next(
        path for path in runs.glob("*/.lock") if path.read_text() == str(first.pid)
    ).parent
    first.send_signal(signal.SIGKILL)
    first.wait()
    out, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
    assert "secret" not in out + err
    found = json.loads((runs / "trials.json").read_text())["trials"]
    assert [one["number"] for one in found] == list(range(5))
    assert {one["state"] for one in found} == {"completed"}
    manifest = json.loads((victim / "manifest.json").read_text())
    assert manifest["outcome"] == "completed" and manifest["resumed"]
    starts = [json.loads(path.read_text())["started"] for path in runs.glob("*/manifest.json")]
    assert len(starts) == 5
    (study,) = optuna.get_all_study_summaries(database)
    assert study.n_trials == 5
    for path in runs.rglob("*.json"):
        assert "secret" not in path.read_text()


def test_an_address_without_a_server_is_a_fault_without_the_password(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(spec(SEARCH))
    process = _worker(tmp_path, "postgresql+psycopg://tester:secret@127.0.0.1:9/postgres")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "MS916" in err and "secret" not in out + err
