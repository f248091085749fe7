"""The text of a comparison: `<= 200k`, `>= 95%`, `<= baseline + 0.01`, `>= 98% of baseline`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias, get_args

from modelspec.core.diagnostics import Fault, Span, did_you_mean, listed, nearest

Operator: TypeAlias = Literal["<", "<=", ">", ">=", "=="]
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
BASELINE: Final = "baseline"
Measure: TypeAlias = Literal["number", "share", "count", "bytes", "seconds"]
"""What the unit of a number measures; a `number` has no unit."""


class Unit(NamedTuple):
    """A unit: what it measures, and its size."""

    measure: Measure
    factor: int | float


UNITS: Final[dict[str, Unit]] = {
    "k": Unit("count", 1_000),
    "M": Unit("count", 1_000_000),
    "G": Unit("count", 1_000_000_000),
    "B": Unit("bytes", 1),
    "bytes": Unit("bytes", 1),
    "kB": Unit("bytes", 1_000),
    "MB": Unit("bytes", 1_000_000),
    "GB": Unit("bytes", 1_000_000_000),
    "%": Unit("share", 0.01),
    "s": Unit("seconds", 1),
    "min": Unit("seconds", 60),
    "h": Unit("seconds", 3600),
}
_PLAIN: Final = Unit("number", 1)
_OF_1024: Final = {"KiB": 1024, "kiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_WORDS: Final = {"K": "k", "g": "G", "seconds": "s", "minutes": "min", "hours": "h"}
_OTHER_SIGNS: Final = {"=": "==", "=<": "<=", "=>": ">=", "≤": "<=", "≥": ">=", "===": "=="}
_OPERATOR: Final = re.compile(r"\s*([<>=!≤≥]+)\s*")
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[^\W\d]+)|(?P<sign>[%*+-])|(?P<other>\S))",
    re.ASCII,
)
_COMMAS: Final = re.compile(r"(?<![\d.])\d+(?:,\d+)+", re.ASCII)
_THOUSANDS: Final = re.compile(r"[1-9]\d{0,2}(,\d{3})+", re.ASCII)
_JOINING: Final = ("and", "or")
_MOST_FACTOR: Final = 10
"""A number `of baseline` above this was meant as a percentage."""
_HELP: Final = 'write e.g. `"<= 200k"`, `">= 95%"` or `"<= baseline + 0.01"`'


@dataclass(frozen=True)
class Comparison:
    """The right side of a comparison: a number, or a value computed from the baseline."""

    text: str
    """As written."""
    operator: Operator
    number: int | float
    """Its unit is applied; the number that is added to the baseline, or its factor."""
    measure: Measure
    """What the unit of the number measures; `number` without one."""
    of_baseline: Literal["", "+", "*"]
    """How the limit follows from the number and the baseline; empty: the number is the limit."""
    span: Span

    @property
    def is_lower(self) -> bool:
        """Whether the limit is a lower bound."""
        return self.operator in (">", ">=")

    @property
    def is_strict(self) -> bool:
        """Whether the limit itself is excluded."""
        return self.operator in ("<", ">")

    def holds(self, value: float, limit: float) -> bool:
        """Whether a number meets the comparison with a limit, exactly (no tolerance)."""
        if self.operator == "==":
            return value == limit
        if value == limit:
            return not self.is_strict
        return (value > limit) == self.is_lower

    def limit(self, baseline: float | None = None) -> float | None:
        """The limit; None if it requires a baseline and none is given."""
        if not self.of_baseline:
            return self.number
        if baseline is None:
            return None
        return baseline + self.number if self.of_baseline == "+" else baseline * self.number


def parse_comparison(text: str, span: Span) -> Comparison:
    """A comparison from its text. Raises `Fault` (MS800) with the characters that are wrong."""
    return _Reader(text).comparison(span)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Reader:
    """Parses one text, token by token."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[_Token] = []
        self.at = 0

    def comparison(self, span: Span) -> Comparison:
        operator, after = self._operator()
        self._refuse_commas()
        for match in _TOKEN.finditer(self.text, after):
            kind = match.lastgroup or "other"
            self.tokens.append(_Token(kind, match[kind], match.start(kind), match.end(kind)))
        if not self.tokens:
            self._fail("the number after the sign is missing", len(self.text.rstrip()))
        number, measure, of_baseline = self._limit()
        if self.at < len(self.tokens):
            self._fail_rest()
        return Comparison(self.text.strip(), operator, number, measure, of_baseline, span)

    def _operator(self) -> tuple[Operator, int]:
        found = _OPERATOR.match(self.text)
        if found is None:
            message = f"a comparison must begin with {listed(OPERATORS, 'or')}, found `{self.text}`"
            raise Fault("MS800", message, help=_without_sign(self.text))
        for known in OPERATORS:
            if found[1] == known:
                return known, found.end()
        meant = _OTHER_SIGNS.get(found[1])
        raise Fault(
            "MS800",
            f"`{found[1]}` is not a comparison; a comparison begins with {listed(OPERATORS, 'or')}",
            suggestion=meant,
            help=did_you_mean(meant, _HELP),
            part=(found.start(1), found.end(1)),
        )

    def _refuse_commas(self) -> None:
        """Thousands separators, or a decimal comma."""
        found = _COMMAS.search(self.text)
        if found is None:
            return
        plain: str | None = None
        if _THOUSANDS.fullmatch(found[0]):
            plain = found[0].replace(",", "")
        elif found[0].count(",") == 1:
            plain = found[0].replace(",", ".")
        has_unit = re.match(r"\s*[^\W\d]|%", self.text[found.end() :]) is not None
        short = plain and re.fullmatch(r"(\d*[1-9])000", plain)
        help = f"write `{plain}` or `{short[1]}k`" if short and not has_unit else f"write `{plain}`"
        raise Fault(
            "MS800",
            f"`{found[0]}` contains {'a comma' if found[0].count(',') == 1 else 'commas'}, which"
            " numbers must not contain",
            suggestion=plain,
            help=help if plain else _HELP,
            part=found.span(),
        )

    def _limit(self) -> tuple[int | float, Measure, Literal["", "+", "*"]]:
        if self._next("word", BASELINE):
            return self._after_baseline()
        number, unit, token = self._number("a number or `baseline`")
        if self._next("word", "of"):
            if not self._next("word", BASELINE):
                self._fail_after_of()
            if unit.measure != "share":
                meant = number > _MOST_FACTOR and unit.measure == "number"
                text = f"{token.text}% of {BASELINE}" if meant else f"{BASELINE} * {token.text}"
                self._fail_at(
                    token.start,
                    len(self.text.rstrip()),
                    "only a percentage can be followed by `of baseline`",
                    text,
                )
            return number, "number", "*"
        if self._peek("sign", "*"):
            text = f"{BASELINE} * {token.text}"
            message = "the factor must follow `baseline`"
            self._fail_at(token.start, len(self.text.rstrip()), message, text)
        return number, unit.measure, ""

    def _after_baseline(self) -> tuple[int | float, Measure, Literal["", "+", "*"]]:
        if self.at == len(self.tokens):
            return 0, "number", "+"
        sign = self.tokens[self.at]
        if sign.kind == "number" and sign.text[0] in "+-":  # `baseline -0.01`: the sign is its own
            number, unit, token = self._number("a number")
            self._refuse_share(unit, token, sign.start, sign.text[0])
            return number, unit.measure, "+"
        if sign.kind != "sign" or sign.text == "%":
            self._fail("expected `+`, `-`, `*` or the end after `baseline`")
        self.at += 1
        if self._peek("word", BASELINE):
            self._fail("`baseline` can be used only once in a comparison")
        number, unit, token = self._number("a number")
        if sign.text == "*":
            if unit.measure not in ("number", "share"):
                self._fail_at(token.start, self._end(), "a factor must not have a unit", token.text)
            return number, "number", "*"
        self._refuse_share(unit, token, sign.start, sign.text)
        return (-number if sign.text == "-" else number), unit.measure, "+"

    def _refuse_share(self, unit: Unit, token: _Token, start: int, sign: str) -> None:
        """A percentage that is added may be a share of the baseline or of 1, which is ambiguous."""
        if unit.measure != "share":
            return
        plain = float(token.text.lstrip("+-").replace("_", ""))
        share = 100 + plain if sign == "+" else 100 - plain
        raise Fault(
            "MS800",
            f"`{self.text[start : self._end()].strip()}` is ambiguous: a share of the baseline, or"
            f" {plain / 100:g}",
            help=f"write `{share:g}% of baseline`, or `baseline {sign} {plain / 100:g}`",
            part=(start, self._end()),
        )

    def _fail_after_of(self) -> NoReturn:
        message = "expected `baseline` after `of`"
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            near = nearest(token.text, (BASELINE,))
            self._fail_at(token.start, token.end, message, near, did_you_mean(near, _HELP))
        self._fail(message)

    def _number(self, expected: str) -> tuple[int | float, Unit, _Token]:
        """A number with its unit."""
        if self.at == len(self.tokens):
            self._fail(f"expected {expected} at the end", len(self.text.rstrip()))
        token = self.tokens[self.at]
        if token.kind == "word":
            near = nearest(token.text, (BASELINE,))
            message = f"`{token.text}` is not a number or `baseline`"
            self._fail_at(token.start, token.end, message, near, did_you_mean(near))
        if token.kind != "number":
            self._fail(f"expected {expected}, found `{token.text}`")
        self.at += 1
        unit, written = self._unit()
        return _value(token, unit, written), unit, token

    def _unit(self) -> tuple[Unit, str]:
        """The next unit; there may be none."""
        if self._next("sign", "%"):
            return UNITS["%"], "%"
        if self.at == len(self.tokens) or self.tokens[self.at].kind != "word":
            return _PLAIN, ""
        token = self.tokens[self.at]
        if token.text in (BASELINE, "of", *_JOINING):
            return _PLAIN, ""
        self.at += 1
        if token.text not in UNITS:
            self._fail_unit(token)
        return UNITS[token.text], token.text

    def _fail_unit(self, token: _Token) -> NoReturn:
        if token.text in _OF_1024:
            message = f"`{token.text}` is a power of 1,024, and units are powers of 1,000"
            count = self.tokens[self.at - 2]
            exact = float(count.text.replace("_", "")) * _OF_1024[token.text] / 1e6
            self._fail_at(count.start, token.end, message, f"{exact:.7g} MB")
        by_case = {known.lower(): known for known in UNITS if len(known) > 1}
        near = _WORDS.get(token.text) or by_case.get(token.text.lower())
        near = near or nearest(token.text, [known for known in UNITS if len(known) > 1])
        message = f"`{token.text}` is not a unit"
        units = f"the units are {listed(tuple(UNITS))}"
        if token.text == "m":
            near, units = None, "write `M` for millions, or `min` for minutes"
        self._fail_at(token.start, token.end, message, near, did_you_mean(near, units))

    # Tokens ---------------------------------------------------------------------------------------

    def _peek(self, kind: str, text: str) -> bool:
        there = self.at < len(self.tokens)
        return there and self.tokens[self.at].kind == kind and self.tokens[self.at].text == text

    def _next(self, kind: str, text: str) -> bool:
        """Whether this token is next; it is consumed."""
        found = self._peek(kind, text)
        self.at += found
        return found

    def _end(self) -> int:
        """Where the last consumed token ends."""
        return self.tokens[self.at - 1].end

    def _fail_rest(self) -> NoReturn:
        token = self.tokens[self.at]
        end = len(self.text.rstrip())
        if token.text in (*_JOINING, ",", "<", ">"):
            help = 'write a list for several comparisons: `[">= 0.5", "<= 0.9"]`'
            self._fail_at(token.start, end, "expected a single comparison", None, help)
        self._fail_at(token.start, end, f"unexpected `{self.text[token.start : end]}`")

    def _fail(self, message: str, start: int | None = None) -> NoReturn:
        if start is None and self.at < len(self.tokens):
            token = self.tokens[self.at]
            self._fail_at(token.start, token.end, message)
        raise Fault("MS800", message, help=_HELP)

    def _fail_at(
        self,
        start: int,
        end: int,
        message: str,
        suggestion: str | None = None,
        help: str | None = None,
    ) -> NoReturn:
        help = help or (f"write `{suggestion}`" if suggestion else _HELP)
        raise Fault("MS800", message, help=help, suggestion=suggestion, part=(start, end))


def _value(token: _Token, unit: Unit, written: str) -> int | float:
    text = token.text.replace("_", "")
    value: int | float = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    # A percentage is divided: 95 / 100 is the float nearest to 0.95, 95 * 0.01 is not.
    value = value / 100 if written == "%" else value * unit.factor
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("MS800", f"`{token.text}` is too large", part=(token.start, token.end))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_sign(text: str) -> str:
    """How to write a text without a sign as a comparison."""
    word = text.strip()
    if re.match(r"between\b", word) or re.search(r"[<>=]", word):
        return 'write a list of two comparisons: `[">= 0.5", "<= 0.9"]`'
    if re.match(r"[\d.+-]", word) or word.startswith(BASELINE):
        return f'write `">= {word}"` or `"<= {word}"`'
    return _HELP
