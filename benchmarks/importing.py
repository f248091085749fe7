"""The results of `modelspec import`: lines of YAML and of JSON, and the cost of hostile files.

    python benchmarks/importing.py [FOLDER]     the models in FOLDER; without one, some of keras.applications
    python benchmarks/importing.py --hostile    files that are to be refused: seconds and memory of a process for each

The spec has the same content as the JSON (indented by two, as `json.dumps` writes it): the import
compares both. The applications are made with `weights=None`. Memory is relative to a process that
imports a small model. Target: at most 2 s and 300 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from modelspec.importers.architecture import Unreadable  # noqa: E402  # the path comes first
from modelspec.importers.import_model import import_model  # noqa: E402
from modelspec.importers.model_files import read_model  # noqa: E402
from modelspec.views.resolve.dump import dump  # noqa: E402

APPLICATIONS = (
    "VGG16 ResNet50 ResNet50V2 MobileNet MobileNetV2 MobileNetV3Small DenseNet121 Xception"
    " InceptionV3 InceptionResNetV2 EfficientNetB0 EfficientNetV2B0 ConvNeXtTiny NASNetMobile"
)


def applications(folder: Path) -> None:
    """Write the JSON of models of `keras.applications`."""
    import keras

    for name in APPLICATIONS.split():
        (folder / name).write_text(
            getattr(keras.applications, name)(weights=None).to_json(), encoding="utf-8"
        )
        keras.utils.clear_session()


def row(path: Path) -> str:
    """A line about the model in a file."""
    start = time.perf_counter()
    try:
        file = read_model(path)
    except Unreadable as error:
        return f"{path.name:40} refused: {error}"
    found = import_model(file.model, file.training)
    spent = time.perf_counter() - start
    if found.value is None:
        return f"{path.name:40} refused: {found.diagnostics[0].message[:90]}"
    text = dump(found.value.spec)
    lines, described = len(text.splitlines()), len(json.dumps(file.model, indent=2).splitlines())
    layers = len(found.value.architecture.layers)
    return (
        f"{path.name:40} {layers:7,} {lines:8,} {described:9,} {described / lines:7.0f}"
        f" {spent:8.2f}"
    )


CHILD = """
import sys
from modelspec.cli import main
try:
    main(["import", sys.argv[1], "-o", "-"])
finally:
    with open("/proc/self/status") as status:
        print("used", next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
"""


def cost(path: Path) -> tuple[int, float, int]:
    """Status, seconds and kilobytes of `modelspec import` of a file, in a new process."""
    start = time.perf_counter()
    command = [sys.executable, "-c", CHILD, str(path)]
    one = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return one.returncode, time.perf_counter() - start, int(one.stderr.rpartition("used ")[2])


def hostile(folder: Path) -> Iterator[str]:
    from tests.test_import import CALLS, DENSE, bombs, sequential

    small = folder / "small.json"
    small.write_text(json.dumps(DENSE), encoding="utf-8")
    files = bombs(folder)
    for number, (name, call) in enumerate(CALLS.items()):
        files[name] = folder / f"call {number}.json"
        files[name].write_text(json.dumps(sequential(call)), encoding="utf-8")
    _, plain, idle = cost(small)
    most = (0.0, 0)
    yield f"{'a small model':40} status 0  {plain:6.2f} s  {0:8.1f} MB"
    for name, path in files.items():
        status, seconds, memory = cost(path)
        most = max(most[0], seconds), max(most[1], memory - idle)
        yield f"{name[:40]:40} status {status}  {seconds:6.2f} s  {(memory - idle) / 1024:8.1f} MB"
    yield (
        f"{len(files)} files: at most {most[0]:.2f} s and {most[1] / 1024:.0f} MB   (wanted: 2 s,"
        " 300 MB)"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        if sys.argv[1:] == ["--hostile"]:
            for line in hostile(Path(made)):
                print(line, flush=True)
            return
        folder = Path(sys.argv[1] if sys.argv[1:] else made)
        if not sys.argv[1:]:
            applications(folder)
        print(f"{'model':40} {'layers':>7} {'YAML':>8} {'JSON':>9} {'times':>7} {'seconds':>8}")
        for path in sorted(folder.iterdir()):
            if path.is_file():
                print(row(path), flush=True)


if __name__ == "__main__":
    main()
