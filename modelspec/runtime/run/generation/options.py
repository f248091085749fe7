"""The options of generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from numbers import Integral, Real
from typing import Any, Final

from ...data import RunError
from .sampling import Sampling

_MOST: Final = 1_000_000
"""The most tokens or examples."""
_MOST_SEED: Final = 2**64


@dataclass(frozen=True)
class Generated:
    """How much is generated, and how."""

    count: int
    """The number of tokens of each text, or of examples of each row."""
    temperature: float | None = None
    """The number that logits are divided by; 0: always the most probable token. None: 1."""
    top_k: int | None = None
    """The number of most probable tokens that one is drawn from."""
    top_p: float | None = None
    """The probability of the most probable tokens that one is drawn from."""
    stop: str | Sequence[str] = ()
    """Tokens at which a text ends, beside the end mark of the training texts."""
    start: str | None = None
    """The text that the answer of a sequence-to-sequence model begins with."""
    beams: int | None = None
    """The number of continuations of a beam search, which draws nothing."""
    length_penalty: float | None = None
    """The power of the length that scores of a beam search are divided by. None: 1."""
    seed: int | None = None
    """The seed of random numbers; None: that of the spec."""
    batch_size: int | None = None
    """The number of texts or examples that are computed at once; None: as in training."""

    def checked(self) -> Generated:
        """Checks the options. Raises `RunError` (MS796)."""
        _whole("count", self.count, 1, _MOST)
        for name, least in (("top_k", 1), ("beams", 1), ("batch_size", 1)):
            _whole(name, getattr(self, name), least, _MOST)
        _whole("seed", self.seed, 0, _MOST_SEED - 1)
        _number("temperature", self.temperature, 0.0, None)
        _number("top_p", self.top_p, 0.0, 1.0)
        _number("length_penalty", self.length_penalty, None, None)
        if self.top_p == 0:
            raise _wrong("`top_p` is 0, but must be above 0", "use a `temperature` of 0")
        if "" in self.stops:
            raise _wrong("`stop` is an empty text, at which no text can end", "omit it")
        if self.start == "":
            raise _wrong("`start` is an empty text", "omit it, or write the first words of answers")
        self._check_beams()
        return self

    def _check_beams(self) -> None:
        drawing = ("temperature", "top_k", "top_p")
        given = [name for name in drawing if getattr(self, name) is not None]
        if self.beams is not None and given:
            raise _wrong(
                f"`{given[0]}` has no effect with `beams`: a beam search draws no tokens",
                "omit one of them",
            )
        if self.beams is None and self.length_penalty is not None:
            raise _wrong("`length_penalty` has no effect without `beams`", "set `beams`")
        cut = [name for name in drawing[1:] if getattr(self, name) is not None]
        if self.temperature == 0 and cut:
            raise _wrong(
                f"`{cut[0]}` has no effect with a `temperature` of 0, which always chooses the most"
                " probable token",
                "omit one of them",
            )

    @property
    def of_text(self) -> tuple[str, ...]:
        """The given options that apply only to text."""
        names = ("temperature", "top_k", "top_p", "start", "beams", "length_penalty")
        given = tuple(name for name in names if getattr(self, name) is not None)
        return (*given, "stop") if self.stops else given

    @property
    def sampling(self) -> Sampling:
        temperature = 1.0 if self.temperature is None else float(self.temperature)
        return Sampling(temperature, self.top_k, self.top_p)

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop)

    @property
    def penalty(self) -> float:
        return 1.0 if self.length_penalty is None else float(self.length_penalty)


def _whole(name: str, value: Any, least: int, most: int) -> None:
    if value is None:
        return
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or not least <= value <= most:
        raise _wrong(f"`{name}` is {value!r}, but must be an integer from {least} to {most:,}")


def _number(name: str, value: Any, least: float | None, most: float | None) -> None:
    if value is None:
        return
    plain: Any = value
    real = not isinstance(plain, bool) and isinstance(plain, Real) and isfinite(plain)
    if not real or (least is not None and value < least) or (most is not None and value > most):
        between = "" if least is None else f" of at least {least:g}"
        between += "" if most is None else f" and at most {most:g}"
        raise _wrong(f"`{name}` is {value!r}, but must be a number{between}")


def _wrong(message: str, help: str | None = None) -> RunError:
    return RunError.of("MS796", message, help=help)
