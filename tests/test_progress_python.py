"""What a program that trains gets to see: the values of `verbose`, and the texts of the bars."""

from __future__ import annotations

import gc
import io
import os
import pty
import sys
import threading
import weakref
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import modelspec as ms
from modelspec.core.diagnostics import Diagnostic
from modelspec.runtime.history.ending import Ending
from modelspec.runtime.run import bars, progress
from modelspec.runtime.run.bars import NotebookBar, TerminalBar
from modelspec.runtime.run.events import Epoch, Plan, Watcher
from modelspec.runtime.run.progress import BarLines, Course, Lines, Shown
from modelspec.runtime.run.verbose import watcher_for

PLAN = Plan(None, epochs=4, steps=10, examples={"train": 320, "test": 40}, batch_size=32)
END = Ending(epochs=4, planned=4, weights_of_epoch=4)


class Clock:
    """A time that moves when it is asked to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(progress, "time", found)
    monkeypatch.setattr(bars, "time", found)
    return found


def epoch(number: int, **logs: float) -> Epoch:
    return Epoch(number, logs or {"loss": 0.5}, 2.0, 1.6, 320)


def trained(watcher: Watcher, clock: Clock, seconds: float, first: int = 1) -> None:
    """A whole training, a step in so many seconds."""
    watcher.loading()
    watcher.started(PLAN)
    for number in range(first, PLAN.epochs + 1):
        for step in range(1, PLAN.steps + 1):
            clock.now += seconds
            if watcher.wants_steps:
                watcher.step(number, step, {"loss": 1 / number})
        watcher.epoch(epoch(number, loss=1 / number, val_loss=2.0))
    watcher.ended()
    watcher.finished(END)


# The values of `verbose` --------------------------------------------------------------------------


def test_another_value_of_verbose_is_refused_before_anything_begins(tmp_path: Path) -> None:
    spec = ms.load_spec({"model": {"inputs": {"x": [4]}, "layers": [{"Dense": 3}]}})
    wrong: Any = 3
    with pytest.raises(ValueError, match=r"`verbose` must be .*1 \(a bar\).*, not 3"):
        spec.train(tmp_path / "run", verbose=wrong)
    with pytest.raises(ValueError, match="not 'loud'"):
        ms.resume(tmp_path / "none", verbose="loud")  # type: ignore[arg-type]
    assert not (tmp_path / "run").exists()


def test_without_a_terminal_automatic_is_silent_and_the_others_print_lines() -> None:
    assert type(watcher_for("auto")) is Watcher
    assert type(watcher_for(0)) is Watcher
    assert type(watcher_for(1)) is BarLines
    assert type(watcher_for(2)) is Lines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_a_bar_in_the_main_thread_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert type(watcher_for("auto")) is TerminalBar
    assert type(watcher_for(1)) is TerminalBar
    assert type(watcher_for(2)) is Lines
    found: list[type[Watcher]] = []

    def other() -> None:
        found.extend([type(watcher_for("auto")), type(watcher_for(1))])

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert found == [Watcher, BarLines]


@pytest.mark.parametrize("stream", [None, "closed"])
def test_a_program_without_standard_output_trains(
    stream: str | None, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed if stream else None)
    for verbose in ("auto", 0, 1, 2):
        trained(watcher_for(verbose), clock, 1.0)  # type: ignore[arg-type]


def test_names_that_a_stream_cannot_encode_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "ascii"))
    watcher = watcher_for(2)
    watcher.started(PLAN)
    watcher.epoch(epoch(1, größe=0.5))
    lines = written.getvalue().decode("ascii").splitlines()
    assert lines[0] == "examples: 320 to train on, 40 to test on"
    assert lines[1] == r"epoch 1/4  gr\xf6\xdfe 0.5000  200 examples/s  2.0 s"


# How far it is ------------------------------------------------------------------------------------


def test_speed_and_time_left_are_those_of_the_steps_that_were_seen(clock: Clock) -> None:
    course = Course(PLAN)
    course.moved(1, 1, {"loss": 0.25})
    assert (course.speed, course.left) == ("", "")
    clock.now += 2
    course.moved(1, 5, {"loss": 0.125})  # four steps of 32 examples in two seconds
    assert course.line() == (
        "epoch 1/4, step 5/10  [##------------------]  loss 0.1250  64 examples/s  17.5 s left"
    )
    course.moved(4, 10, {})
    assert course.bar == "[####################]" and course.left == ""


def test_steps_before_a_resumption_do_not_count_as_fast(clock: Clock) -> None:
    course = Course(PLAN)
    course.moved(3, 1, {})
    clock.now += 1
    course.moved(3, 2, {})
    assert course.done == 22 and course.left == "18.0 s left"


# Lines --------------------------------------------------------------------------------------------


def test_a_quick_training_prints_its_last_epoch_alone(clock: Clock) -> None:
    lines: list[str] = []
    trained(BarLines(Shown(lines.append, list)), clock, 0.001)
    assert lines == [
        "examples: 320 to train on, 40 to test on",
        "[####################]  epoch 4/4  loss 0.2500  val_loss 2.0000  200 examples/s  2.0 s",
    ]


def test_a_slow_training_prints_a_line_every_ten_seconds(clock: Clock) -> None:
    lines: list[str] = []
    trained(BarLines(Shown(lines.append, list)), clock, 2.0)  # 20 seconds for an epoch
    assert len(lines) == 1 + 80 // 10 + 1  # the last one is that of the last epoch
    assert lines[1].startswith("epoch 1/4, step 5/10  [##---")
    assert "val_loss 2.0000" in lines[3] and lines[3].startswith("[")
    assert lines[-1].startswith("[####################]  epoch 4/4")


def test_a_line_for_each_epoch_and_what_ended_them(clock: Clock) -> None:
    lines: list[str] = []
    watcher = Lines(Shown(lines.append, list))
    watcher.started(PLAN)
    watcher.epoch(epoch(1))
    watcher.finished(Ending(1, 4, 1, "val_loss", 0.5, "EarlyStopping", "patience"))
    assert lines[1:] == [
        "epoch 1/4  loss 0.5000  200 examples/s  2.0 s",
        "stopped by EarlyStopping after epoch 1 of 4: patience",
        "kept the weights: those of epoch 1, the best by `val_loss` (0.5000)",
    ]


# A terminal ---------------------------------------------------------------------------------------


def test_a_terminal_gets_a_bar_and_the_lines_of_epochs(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while found := os.read(ours, 65536):
                seen.append(found)
        except OSError:  # the other end was closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    before = threading.active_count()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        kept = sys.stderr
        trained(watcher_for("auto"), clock, 0.5)
        assert sys.stdout is stream and sys.stderr is kept
    reader.join()
    os.close(ours)
    text = b"".join(seen).decode()
    assert "epoch 1/4  loss 1.0000  val_loss 2.0000  200 examples/s  2.0 s" in text
    assert "━" in text and "\x1b[" in text
    assert threading.active_count() <= before


# A notebook ---------------------------------------------------------------------------------------


class Handle:
    """An output of a page, as IPython's `DisplayHandle`."""

    def __init__(self, shown: list[dict[str, str]]) -> None:
        self.shown = shown

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown.append(data)


def page() -> tuple[list[list[dict[str, str]]], Callable[..., Handle]]:
    """The outputs of a page, each with what it showed in turn, and a `display`."""
    outputs: list[list[dict[str, str]]] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw and display_id
        outputs.append([data])
        return Handle(outputs[-1])

    return outputs, display


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_has_one_output_that_changes(clock: Clock) -> None:
    outputs, display = page()
    trained(NotebookBar(display), clock, 1.0)
    assert len(outputs) == 1
    texts = [one["text/plain"] for one in outputs[0]]
    assert texts[0] in ("loading TensorFlow", "building the model")
    assert (
        "epoch 2/4, step 5/10  loss 0.5000  32 examples/s  25.0 s left\nepoch 1: loss" in texts[16]
    )
    assert texts[-1] == (
        "[####################]  epoch 4/4, step 10/10\n"
        "epoch 4: loss 0.2500  val_loss 2.0000  200 examples/s  2.0 s"
    )
    for one in outputs[0]:
        Elements(one["text/html"])
    assert 'aria-valuenow="100"' in outputs[0][-1]["text/html"]


def test_quick_steps_are_not_all_shown(clock: Clock) -> None:
    outputs, display = page()
    trained(NotebookBar(display), clock, 0.01)
    assert len(outputs[0]) <= 2 + 0.4 / 0.1 + 2


def test_names_and_warnings_are_escaped_and_warnings_are_few(clock: Clock) -> None:
    outputs, display = page()
    watcher = NotebookBar(display)
    watcher.warned(tuple(Diagnostic("MS600", "warning", f"<i>{at}", None) for at in range(8)))
    watcher.warned((Diagnostic("MS600", "warning", "one more", None),))
    watcher.loading()
    watcher.started(PLAN)
    watcher.step(1, 1, {"<b>": 1.0})
    shown = outputs[0][-1]["text/html"]
    assert "&lt;b&gt; 1.0000" in shown and "<b>" not in shown and "<i>" not in shown
    assert shown.count("warning[MS600]") == 5 and shown.count("more warnings") == 1
    Elements(shown)


def test_an_interrupted_training_says_where_it_is(clock: Clock) -> None:
    outputs, display = page()
    watcher = NotebookBar(display)
    watcher.loading()
    watcher.started(PLAN)
    watcher.step(1, 3, {"loss": 1.0})
    watcher.ended()
    watcher.ended()
    assert outputs[0][-1]["text/plain"] == "[#-------------------]  epoch 1/4, step 3/10"
    outputs, display = page()
    watcher = NotebookBar(display)
    watcher.loading()
    watcher.ended()
    assert outputs[0][-1]["text/plain"] == "the training did not begin"


def test_nothing_keeps_an_output_after_its_training(clock: Clock) -> None:
    handles: list[weakref.ref[Handle]] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        handle = Handle([])
        handles.append(weakref.ref(handle))
        return handle

    for _ in range(20):
        trained(NotebookBar(display), clock, 1.0)
    gc.collect()
    assert len(handles) == 20 and not any(one() for one in handles)


# Trainings ----------------------------------------------------------------------------------------

SPEC: dict[str, Any] = {
    "seed": 1,
    "model": {"inputs": {"x": [4]}, "layers": [{"Dense": {"units": 3, "name": "y"}}]},
    "training": {"loss": "mse", "optimizer": "adam", "epochs": 3},
}


@pytest.mark.tensorflow
def test_a_training_prints_what_verbose_says_and_comes_to_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    data = rng.random((32, 4)), rng.random((32, 3))
    spec = ms.load_spec(SPEC)
    spec.build()
    capfd.readouterr()

    silent = spec.train(tmp_path / "0", data)
    assert capfd.readouterr() == ("", "")
    found = {0: spec.train(tmp_path / "v0", data, verbose=0)}
    assert capfd.readouterr() == ("", "")
    found[2] = spec.train(tmp_path / "2", data, verbose=2)
    out, err = capfd.readouterr()
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        "examples: 32 to train on", "epoch 1/3", "epoch 2/3", "epoch 3/3"
    ] and not err  # fmt: skip
    found[1] = spec.train(tmp_path / "1", data, verbose=1)
    out, err = capfd.readouterr()
    assert out.splitlines()[1].startswith("[####################]  epoch 3/3  loss ") and not err
    assert all(run.history == silent.history for run in found.values())


@pytest.mark.tensorflow
def test_a_resumed_run_prints_what_verbose_says(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    csv = tmp_path / "t.csv"
    csv.write_text("a,b\n" + "".join(f"{at},{2 * at}\n" for at in range(20)))
    spec = ms.load_spec(
        {
            "model": {"inputs": {"a": [1]}, "layers": [{"Dense": {"units": 1, "name": "b"}}]},
            "data": {"source": {"csv": str(csv)}, "inputs": {"a": "a"}, "targets": {"b": "b"}},
            "training": {"loss": "mse", "optimizer": "adam", "epochs": 2},
        },
        data_roots=[tmp_path],
    )
    spec.train(tmp_path / "run")
    capfd.readouterr()
    more = {"training.epochs": 4}
    ms.resume(tmp_path / "run", more, verbose=2, data_roots=[tmp_path])
    out, _ = capfd.readouterr()
    numbers = [line.split("  ")[0] for line in out.splitlines() if line.startswith("epoch")]
    assert numbers[-2:] == ["epoch 3/4", "epoch 4/4"]
