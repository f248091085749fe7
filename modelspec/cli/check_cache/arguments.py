"""The arguments of `modelspec check`, as far as the cache needs them, read without click."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as `typing.TYPE_CHECKING`, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("text", "json", "github", "gitlab", "sarif")
_MEANINGFUL = ("--set", "--data-root", "--allow-host")
"""Options whose values the result depends on."""
_FLAGS = ("--only-specs",)
_NO_CACHE = "--no-cache"
_COMPLETION = "_MODELSPEC_COMPLETE"
"""The variable with which a shell asks for completions, as click names it."""


class Asked:
    """What is checked, and how."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.format = "text"
        self.options: list[str] = []
        """The options that the result depends on, with their values, as written."""
        self.flags: list[str] = []
        """Those that select among the files."""
        self.cached = True
        """Whether the cache may be used."""

    @property
    def plain(self) -> bool:
        """Whether each file is one existing file, so that no folder has to be searched."""
        places = {os.path.abspath(file) for file in self.files}  # noqa: PTH100
        alone = not self.flags and 0 < len(places) == len(self.files)
        return alone and all(map(os.path.isfile, self.files))


def asked(arguments: Sequence[str]) -> Asked | None:
    """What a command line asks for; None if it is another command, a check with other options, or
    invalid.
    """
    if not arguments or arguments[0] != "check" or _COMPLETION in os.environ:
        return None
    found = Asked()
    rest = iter(arguments[1:])
    for word in rest:
        name, _, value = word.partition("=")
        if name in _FLAGS and not value:
            found.flags.append(name)
        elif name == "--format" or name in _MEANINGFUL:
            given = value if "=" in word else next(rest, None)
            if given is None or (name == "--format" and given not in FORMATS):
                return None
            if name == "--format":
                found.format = given
            else:
                found.options += [name, given]
        elif word == _NO_CACHE:
            found.cached = False
        elif word.startswith("-"):
            return None  # `--data`, `--fix`, `--plugin`, standard input
        else:
            found.files.append(word)
    return found
