"""Gives hostile files to the command line, and reports what the process did.

    python -m tests.tools.hostile            under strace: programs, network, files
    python -m tests.tools.hostile --here     without it: only status, memory, time and traces

Wanted of every case: nothing executed, no network, nothing read or written outside of its folder,
at most 300 MB and 2 s of processor time more than an honest spec, and a documented exit status.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.tools.crash_points import say
from tests.tools.hostile_case import EXECUTED, Case
from tests.tools.hostile_cases import cases

STATUSES = (0, 1, 2, 3)
"""The documented ones of commands that are not interrupted and have no expectations."""
_MOST_MEMORY = 300_000
"""Kilobytes."""
_MOST_SECONDS = 2.0
_CALL = re.compile(
    r"^(\d+) +(execve|connect|sendto|open|openat|creat|rename\w*|unlink\w*|mkdir\w*)\((.*)$"
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OWN_PROCESS = re.compile(
    r'"-P", "-m", "modelspec\.|"-c", "import|^"[\w/]*uname", \["uname", "-p"\]'
)
"""The processes of modelspec, and one that an import of h5py starts, whatever the file is."""


class Outcome(NamedTuple):
    """What a command did."""

    case: Case
    folder: Path
    status: int
    memory: int
    """Kilobytes at most."""
    seconds: float
    printed: str


def run_all(place: Path, chosen: Sequence[Case]) -> Iterator[Outcome]:
    """Runs each case in a child process, in its own folder below `place`."""
    import modelspec.cli  # noqa: F401 - before the forks

    outside = place / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("a,b,y\n7,7,7\n8,8,8\n")
    os.environ.update(MODELSPEC_CACHE=str(place / "cache"), TMPDIR=str(place / "tmp"))
    os.environ.update(HOME=str(place / "home"), XDG_CONFIG_HOME=str(place / "home"))
    for name in ("cache", "tmp", "home"):
        (place / name).mkdir()
    for number, case in enumerate(chosen):
        if "--progress" in sys.argv:
            say(f"{number} {case.name}")
        folder = place / f"{number:03}"
        folder.mkdir()
        case.write(folder)
        yield _run(case, folder)


def _run(case: Case, folder: Path) -> Outcome:
    output = folder.with_suffix(".out")
    process = os.fork()
    if process == 0:
        _child(case, folder, output)
    _, status, used = os.wait4(process, 0)
    seconds = used.ru_utime + used.ru_stime
    printed = output.read_text(errors="replace") if output.exists() else ""
    code = os.waitstatus_to_exitcode(status)
    return Outcome(case, folder, code, used.ru_maxrss, seconds, printed)


def _child(case: Case, folder: Path, output: Path) -> None:
    """Runs the command; never returns."""
    from modelspec.cli import main

    status = 70
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
        signal.alarm(120)  # ends a process that waits for ever
        os.chdir(folder)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
        for one in (1, 2):
            os.dup2(descriptor, one)
        main(args=list(case.command))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def problems(outcome: Outcome, honest: Outcome) -> list[str]:
    """What is not as it should be, without a look at the system calls."""
    found = []
    if outcome.status not in STATUSES:
        found.append(f"exit status {outcome.status}: {outcome.printed[-300:]!r}")
    if (outcome.folder / EXECUTED).exists() or (outcome.folder.parent / EXECUTED).exists():
        found.append("code was executed")
    if outcome.memory - honest.memory > _MOST_MEMORY:
        found.append(f"{(outcome.memory - honest.memory) / 1000:.0f} MB")
    if outcome.seconds - honest.seconds > _MOST_SECONDS:
        found.append(f"{outcome.seconds - honest.seconds:.1f} s")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", outcome.printed):
        found.append("control characters were printed")
    if "Traceback" in outcome.printed:
        found.append("a traceback")
    return found


def traced(log: Path, place: Path, outcome: Outcome) -> list[str]:
    """Programs, connections and files outside of its folder, from the trace of a process."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        call, rest = match[2], match[3]
        if call in ("connect", "sendto") and "AF_INET" in rest:
            found.append(f"network: {rest[:80]}")
        elif call == "execve" and "= 0" in rest and not _OWN_PROCESS.search(rest):
            found.append(f"executed: {rest[:80]}")
        elif call not in ("connect", "sendto", "execve"):
            found += _outside(call, rest, place, outcome)
    return found


def _outside(call: str, rest: str, place: Path, outcome: Outcome) -> Iterator[str]:
    """A file that the process may not touch: the secret and its like, or any that it changes."""
    changes = call not in ("open", "openat") or re.search(r"O_WRONLY|O_RDWR|O_CREAT", rest)
    for text in _QUOTED.findall(rest):
        path = os.path.normpath(outcome.folder / text)
        if rest.rstrip().endswith(("ENOENT (No such file or directory)", "ELOOP (Too many")):
            continue
        if path == "/etc/hostname" or path.startswith(str(place / "outside")):
            yield f"reads outside: {text}"
        if changes and not path.startswith((str(place), "/dev/", "/proc/")):
            yield f"changes outside: {text}"


def _honest(place: Path) -> Outcome:
    """A spec without a fault, which every case is compared with."""
    text = "model: {inputs: {x: [2]}, layers: [{Dense: 1}]}\n"
    case = Case("honest", lambda folder: None, ("check", "s.yaml"))
    folder = place / "honest"
    folder.mkdir()
    (folder / "s.yaml").write_text(text)
    return _run(case, folder)


def report(place: Path, *, strace: bool) -> int:
    """Runs all cases and prints what is wrong; returns the number of cases with a problem."""
    first = next((int(one[7:]) for one in sys.argv if one.startswith("--from=")), 0)
    chosen, wrong, honest = cases()[first:], 0, _honest(place)
    memory, seconds, before = 0, 0.0, set(place.parent.glob("trace.*"))
    for outcome in run_all(place, chosen):
        memory = max(memory, outcome.memory - honest.memory)
        seconds = max(seconds, outcome.seconds - honest.seconds)
        found = problems(outcome, honest)
        if strace:
            for log in set(place.parent.glob("trace.*")) - before:  # also of processes it started
                found += traced_file(log, place, outcome)
                log.unlink()
        if found:
            wrong += 1
            say(f"{outcome.case.name}: {'; '.join(dict.fromkeys(found))[:400]}")
    say(
        f"{len(chosen)} hostile inputs, {wrong} with a problem; beyond an honest spec at most "
        f"{memory / 1000:.0f} MB and {seconds:.1f} s"
    )
    return wrong


def traced_file(log: Path, place: Path, outcome: Outcome) -> list[str]:
    """The same for a log of one process, whose lines have no number of a process."""
    numbered = log.with_name(f"{log.name}.numbered")
    lines = (f"1 {line}" for line in log.read_text(errors="replace").splitlines())
    numbered.write_text("\n".join(lines))
    try:
        return traced(numbered, place, outcome)
    finally:
        numbered.unlink()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "place"
        place.mkdir()
        if "--here" in sys.argv:
            sys.exit(bool(report(place, strace=False)))
        if "--traced" in sys.argv:
            place = Path(sys.argv[-1])
            sys.exit(bool(report(place, strace=True)))
        calls = "trace=execve,connect,sendto,open,openat,creat,/rename,/unlink,/mkdir"
        command = ["strace", "-ff", "-qq", "-s", "300", "-o", f"{folder}/trace", "-e", calls]
        options = [one for one in sys.argv[1:] if one.startswith(("--from=", "--progress"))]
        command += [sys.executable, "-m", "tests.tools.hostile", *options, "--traced", str(place)]
        sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
