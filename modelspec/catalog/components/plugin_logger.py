"""The base class of the loggers of plugins: `modelspec.Logger`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from modelspec.core.plugins.declared import Declared
from modelspec.core.plugins.working import Working
from modelspec.core.registry import Registry

from ..sources.common.plugin_source import settings_of
from .loggers import Logger as AnyLogger


@dataclass(frozen=True)
class LoggedRun:
    """The run that a logger of a plugin logs."""

    name: str
    """The name of the spec."""
    folder: Path
    """The run folder."""
    parameters: Mapping[str, object]
    """The values of the resolved spec by their path: `training.epochs`."""
    logged: tuple[tuple[int, Mapping[str, float]], ...]
    """What the logger has logged of this run before, in order; empty unless the run is resumed."""


class Logger(Declared, Working, AnyLogger):
    """A logger of your own: settings as annotations, and methods that a run calls."""

    package: ClassVar[str] = ""

    @classmethod
    def registry(cls) -> Registry:
        """The table of all loggers."""
        from .training_families import LOGGERS

        return LOGGERS

    @classmethod
    def is_abstract(cls) -> bool:
        """Whether it logs nothing."""
        return cls.log is Logger.log

    @classmethod
    def problems(cls) -> Iterator[str]:
        """What is wrong with the declaration."""
        yield from super().problems()
        if cls.log is Logger.log:
            yield "has no method `log(self, step, values)`, which logs some values"
        for name in settings_of(cls, Logger):
            if hasattr(Logger, name) or name in AnyLogger.model_fields:
                yield f"has a setting `{name}`, a name that every logger already uses: rename it"

    def start(self, run: LoggedRun) -> None:
        """Called before the training, also when a run is resumed."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Called with the values of an epoch, where `step` is its number (`loss`, `val_loss`); with
        those within an epoch if `steps` is set, where `step` is the number of the training step
        (`step/loss`); and at the end with the final metrics (`test_accuracy`).
        """
        raise NotImplementedError

    def finish(self) -> None:
        """Called when all files of the run are written, and when it fails or is interrupted."""
