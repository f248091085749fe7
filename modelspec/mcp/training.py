"""Training for an assistant, in a process of `modelspec train`: the server itself loads no
framework, and a training that fails or takes all memory does not end it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from modelspec.runtime.history import read_record
from modelspec.runtime.history.formatting import for_json

_SHOWN: Final = 20_000
"""The most characters of an output; the end is what matters."""


async def train(
    root: Path, file: str, overrides: Mapping[str, Any], run_dir: str | None
) -> dict[str, Any]:
    """Train a spec; returns the exit status, the output and the record of the run. If the request
    is cancelled, the training is interrupted as by Ctrl-C, and can be resumed.
    """
    before = set(_runs(root))
    command = [
        sys.executable,
        "-m",
        "modelspec",
        "train",
        *_options(overrides, run_dir),
        "--",
        file,
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=root,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.send_signal(signal.SIGINT)
        await process.wait()
        raise
    folder = Path(run_dir) if run_dir else _made(root, before)
    answer: dict[str, Any] = {
        "exit_status": process.returncode,
        "output": output.decode(errors="replace")[-_SHOWN:],
    }
    if folder is not None:
        answer["run"] = str(folder)
        record = read_record(root / folder).value
        if record is not None:
            answer["record"] = for_json(record.as_json())
    return answer


def _options(overrides: Mapping[str, Any], run_dir: str | None) -> list[str]:
    found = [] if run_dir is None else ["--run-dir", run_dir]
    for path, value in overrides.items():
        found += ["--set", f"{path}={json.dumps(value)}"]
    return found


def _runs(root: Path) -> list[Path]:
    from modelspec.runtime.history.listing import run_folders

    return list(run_folders(root / "runs")) if (root / "runs").is_dir() else []


def _made(root: Path, before: set[Path]) -> Path | None:
    """The run folder that a training created, if it created one."""
    new = [path for path in _runs(root) if path not in before]
    return new[0].relative_to(root) if len(new) == 1 else None
