"""Notebooks from start to end in a kernel of Jupyter: what their cells show, the stop button, and
that nothing else is printed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.test_docs import ROOT, fences

pytest.importorskip("nbclient", reason="`pip install -e '.[test-notebooks]'`")
pytest.importorskip("ipykernel", reason="`pip install -e '.[test-notebooks]'`")

pytestmark = pytest.mark.tensorflow

_SECONDS = 300
"""How long a cell may take on a machine with other work."""


class Notebook:
    """Cells that were run in a kernel, from the first to the last."""

    def __init__(
        self, folder: Path, cells: Sequence[str], stop: dict[str, float] | None = None
    ) -> None:
        """`stop` are run folders: so many seconds after a history is in one, the stop button is
        pressed.
        """
        import nbformat
        from nbclient import NotebookClient

        made = [nbformat.v4.new_code_cell(source) for source in cells]
        self.notebook = nbformat.v4.new_notebook(cells=made)
        self._folder = folder
        self._client = NotebookClient(
            self.notebook,
            timeout=_SECONDS,
            kernel_name="python3",
            allow_errors=True,
            resources={"metadata": {"path": str(folder)}},
        )
        asyncio.run(self._run(stop or {}))

    async def _run(self, stop: dict[str, float]) -> None:
        presses = [asyncio.create_task(self._press(*one)) for one in stop.items()]
        await self._client.async_execute()
        for press in presses:
            await asyncio.wait_for(press, 1)

    async def _press(self, run: str, seconds: float) -> None:
        from jupyter_client.utils import ensure_async

        while not (self._folder / run / "history.csv").exists():
            await asyncio.sleep(0.05)
        await asyncio.sleep(seconds)
        await ensure_async(self._client.km.interrupt_kernel())

    def outputs(self, cell: int) -> list[Any]:
        """Of a cell, from 0."""
        outputs: list[Any] = self.notebook.cells[cell].outputs
        return outputs

    def kinds(self, cell: int) -> list[str]:
        return [one.output_type for one in self.outputs(cell)]

    def text(self, cell: int, output: int = -1) -> str:
        """What an output shows as text."""
        one = self.outputs(cell)[output]
        text: str = one.text if one.output_type == "stream" else one.data["text/plain"]
        return text

    def html(self, cell: int, output: int = -1) -> str:
        html: str = self.outputs(cell)[output].data["text/html"]
        return html

    def errors(self) -> list[str]:
        """The names of the exceptions, and everything on standard error."""
        found = [one for cell in self.notebook.cells for one in cell.outputs]
        return [
            one.ename if one.output_type == "error" else one.text
            for one in found
            if one.output_type == "error" or (one.output_type == "stream" and one.name == "stderr")
        ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a notebook lies, beside the example specs."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    return tmp_path


def test_the_notebook_of_the_manual_shows_what_it_says(folder: Path) -> None:
    """Each training has one output that ends complete, and nothing is printed beside it."""
    cells = [text for language, text in fences("docs/notebooks.md") if language == "python"]
    made = Notebook(folder, cells)
    assert made.errors() == []
    shown, checked, trained, silent, resumed = range(5)
    assert made.kinds(shown) == ["execute_result"] and "<img" in made.html(shown)
    assert made.kinds(checked) == ["execute_result"] and "error[MS204]" in made.html(checked)
    assert made.kinds(trained) == ["display_data"]
    assert 'role="progressbar"' in made.html(trained)
    assert made.text(trained).splitlines()[0] == "[####################]  epoch 20/20, step 6/6"
    assert "val_accuracy" in made.text(trained)
    assert made.kinds(silent) == []
    assert made.kinds(resumed) == ["stream", "display_data", "execute_result"]
    assert made.text(resumed, 0) == "completed 20\n"
    assert made.text(resumed, 1).startswith("[####################]  epoch 25/25, step 6/6\n")
    assert made.html(resumed).count("<figure") == 2


def test_a_notebook_is_stopped_and_continues_in_the_next_cell(folder: Path) -> None:
    """As if it had never been stopped: the same training without a stop has the same history."""
    cells = [
        "import modelspec as ms\n"
        "def spec(epochs):\n"
        "    return ms.load_spec('configs/iris.yaml', {'training.epochs': epochs})",
        "run = spec(100_000).train('runs/stopped')",
        "stopped = ms.open_run('runs/stopped')\n"
        "epochs = len(stopped.history['loss']) + 3\n"
        "print(stopped.outcome)",
        "run = ms.resume('runs/stopped', {'training.epochs': epochs})",
        "whole = spec(epochs).train('runs/whole', verbose=2)",
        "assert run.history == whole.history and run.by_part == whole.by_part\n"
        "for one, other in zip(run.model.get_weights(), whole.model.get_weights()):\n"
        "    assert (one == other).all()",
        "import signal\nprint(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
    ]
    made = Notebook(folder, cells, stop={"runs/stopped": 0.5})
    assert made.errors() == ["Interrupted"]
    bar, error = made.outputs(1)
    assert bar.output_type == "display_data" and "/100000, step " in bar.data["text/plain"]
    (line,) = error.traceback
    assert line.startswith("Interrupted: SIGINT after ")
    assert f"`ms.resume({str(folder / 'runs/stopped')!r})` continues it" in line
    assert made.text(2) == "interrupted\n"
    assert made.kinds(3) == ["display_data"]
    assert made.text(3).startswith("[####################]")
    assert {one.name for one in made.outputs(4)} == {"stdout"}
    assert made.text(6) == "True\n"


def test_a_notebook_with_data_threads_estimators_errors_and_an_event_loop(folder: Path) -> None:
    """Nothing of it prints but what was asked for, and a stopped cell that awaits stops once."""
    cells = [
        "import asyncio, threading\nimport numpy as np\nimport modelspec as ms\n"
        "written = {'seed': 1, 'model': {'inputs': {'x': [4]},\n"
        "           'layers': [{'Dense': {'units': 3, 'activation': 'softmax', 'name': 'y'}}]},\n"
        "           'training': {'loss': 'sparse_categorical_crossentropy', 'optimizer': 'adam',\n"
        "                        'epochs': 3}}\n"
        "x = np.random.default_rng(0).random((60, 4))\ny = np.arange(60) % 3",
        "model = ms.load_spec(written).build()\nmodel.count_params()",
        "run = ms.load_spec(written).train('runs/one', (x, y))",
        "def work():\n    ms.load_spec(written).train('runs/thread', (x, y))\n"
        "thread = threading.Thread(target=work)\nthread.start()\nthread.join()",
        "found = ms.SpecClassifier(written).fit(x, y).predict(x)\nfound.shape",
        "ms.load_spec({'model': {'inputs': {'x': [4]}, 'layers': [{'Dense': -1}]}})",
        "ms.load_spec(written).train('runs/bad', {'wrong': x})",
        "await asyncio.sleep(0)\n"
        "ms.load_spec(written, {'training.epochs': 100_000}).train('runs/awaits', (x, y))",
        "await asyncio.sleep(0)\nprint('the next cell', ms.open_run('runs/awaits').outcome)",
    ]
    made = Notebook(folder, cells, stop={"runs/awaits": 0.5})
    assert made.errors() == ["SpecError", "DataError", "Interrupted"]
    assert made.text(1) == "15"
    assert made.kinds(2) == ["display_data"]
    assert all(one.output_type == "display_data" for one in made.outputs(3))
    assert made.kinds(4) == ["execute_result"] and made.text(4) == "(60,)"
    assert made.kinds(5) == ["error"]
    assert made.outputs(6)[-1].ename == "DataError"
    assert made.text(8) == "the next cell interrupted\n"
