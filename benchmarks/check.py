"""What a check costs: cold and cached against `import keras`, warm, and per layer as specs grow.

    python benchmarks/check.py

A cold check is a new process, including the start of Python, with bytecode compiled before; the
file is new to it (`--no-cache`). Its environment has no editable installations, whose finders add
20 ms to the start of every Python. A cached one answers for a file that was checked before and has
not changed. The commands alternate, so that a slower machine affects all of them equally. Wall time
depends on other load of the machine, so processor time is printed too.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from time import perf_counter, process_time

ROOT = Path(__file__).resolve().parent.parent
BLOCK = """\
    - Conv2D: {{filters: {width}, kernel_size: 3, padding: same, use_bias: false, name: conv_{i}}}
    - BatchNormalization: {{momentum: 0.9, name: norm_{i}}}
    - Activation: {{activation: relu, name: act_{i}}}
    - Dropout: {{rate: 0.1, name: drop_{i}}}
    - Add: {{from: [drop_{i}, {before}], name: sum_{i}}}
"""
HEAD = "seed: 7\nmodel:\n  inputs: {image: [32, 32, 16]}\n  layers:\n"
TAIL = """\
    - GlobalAveragePooling2D
    - Flatten
    - Dense: {units: 64, activation: relu, kernel_initializer: he_normal, kernel_regularizer: {L2: 0.001}}
    - Dropout: 0.5
    - Dense: {units: 10, activation: softmax, name: class}
data:
  source: {csv: images.csv}
  split: {validation: 0.1, test: 0.1}
  inputs: {image: {column: pixels}}
  targets: {class: {column: label}}
training:
  optimizer: {Adam: 0.001}
  loss: sparse_categorical_crossentropy
  metrics: [accuracy]
  epochs: 20
  callbacks:
    - EarlyStopping: {monitor: val_loss, patience: 3}
"""


def spec(layers: int) -> str:
    """A residual network of so many layers (a multiple of 5), with data and training."""
    parts = [
        BLOCK.format(i=i, width=16, before=f"sum_{i - 1}" if i else "image")
        for i in range(layers // 5 - 1)
    ]
    return HEAD + "".join(parts) + TAIL


def environment_for(folder: Path) -> dict[str, str]:
    """The environment of a process that keeps its bytecode in a folder."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "MODELSPEC_CACHE": str(folder / "cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def python_of_users(folder: Path) -> str:
    """A Python with the packages of this one, that starts without its editable installations."""
    root = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
    packages = next(root.glob("lib/python*/site-packages"))
    (packages / "packages.pth").write_text(f"{sysconfig.get_path('purelib')}\n", "utf-8")
    return str(root / "bin" / "python")


def cold(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds that a process takes from its start to its end, and of the processor."""
    start, before = perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        perf_counter() - start,
        after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    )


def warm(path: Path, rounds: int) -> float:
    """Processor seconds of one check in a process that has checked before; the median."""
    import modelspec as ms

    times = []
    for _ in range(rounds + 1):
        start = process_time()
        report = ms.check(path)
        times.append(process_time() - start)
        assert report.ok, report.diagnostics[0]
    return statistics.median(times[1:])


def compare_cold(folder: Path, rounds: int = 5) -> None:
    path = folder / "spec_50.yaml"
    path.write_text(spec(50), "utf-8")
    environment, python = environment_for(folder), python_of_users(folder)
    commands = {
        "check": [python, "-m", "modelspec", "check", "--no-cache", str(path)],
        "cached": [python, "-m", "modelspec", "check", str(path)],
        "keras": [python, "-c", "import keras"],
        "python": [python, "-c", "pass"],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            found = cold(command, environment)
            if turn:  # the first compiles
                times[name].append(found)
    wall = {name: statistics.median(one for one, _ in found) for name, found in times.items()}
    processor = {name: statistics.median(one for _, one in found) for name, found in times.items()}
    titles = {
        "python": "python -c pass",
        "check": "modelspec check, 50 layers, cold",
        "cached": "the same file again",
        "keras": "python -c 'import keras'",
    }
    print(f"{'':32}      wall   processor")
    for name, title in titles.items():
        wanted = "   (wanted: below 0.25)" if name == "check" else ""
        print(f"{title:32}   {wall[name]:5.3f} s   {processor[name]:5.3f} s{wanted}")
    for name, wanted in (("check", 20), ("cached", 150)):
        print(
            f"{f'keras / {name}':32}   {wall['keras'] / wall[name]:5.1f}     "
            f"{processor['keras'] / processor[name]:5.1f}     (wanted: at least {wanted})"
        )


def compare_sizes(folder: Path) -> None:
    print("\nlayers   warm check   for each layer")
    for layers in (10, 50, 200, 1000, 10_000):
        path = folder / f"spec_{layers}.yaml"
        path.write_text(spec(layers), "utf-8")
        seconds = warm(path, rounds=21 if layers <= 200 else 5)
        wanted = "   (wanted: at most 20 ms)" if layers == 200 else ""
        print(f"{layers:6,}   {seconds * 1e3:7.1f} ms   {seconds / layers * 1e6:9.0f} us{wanted}")


def main() -> None:
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as name:
        compare_cold(Path(name))
        compare_sizes(Path(name))


if __name__ == "__main__":
    main()
