"""The lines of a text file that are not empty."""

from __future__ import annotations

from collections.abc import Iterator

from modelspec.core.diagnostics import Fault

from . import files


def lines(found: files.Found) -> Iterator[tuple[int, str]]:
    """Every line that is not empty, without surrounding white space, and its number. Raises
    `Fault`: MS601, MS603, MS642, MS656.
    """
    found.unchanged()
    try:
        with files.open_plain(found.path) as file:
            for number, raw in enumerate(files.lines_of(file, found.shown), 1):
                try:
                    text = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                except UnicodeDecodeError as error:
                    raise not_utf8(f"{found.shown}:{number}", raw, error) from None
                if "\0" in text:
                    raise Fault(
                        "MS603",
                        f"{found.shown}:{number} has a NUL character",
                        help="check that it is a text file",
                    )
                if text:
                    yield number, text
    except files.UNREADABLE as error:
        raise files.unreadable(found.shown, error) from None


def not_utf8(place: str, raw: bytes, error: UnicodeDecodeError) -> Fault:
    return Fault(
        "MS603",
        f"{place} is not UTF-8: byte 0x{raw[error.start]:02x}",
        help="save it as UTF-8, e.g. `iconv -f latin1 -t utf-8`",
    )
