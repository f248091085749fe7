"""Options of several commands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import click

_SETTING: Final = re.compile(r"""((?:\["[^"]*"\]|\['[^']*'\]|[^=])*?)=(.*)""", re.DOTALL)
"""A path, whose quoted keys may contain `=`, and a value."""
_COMPARISON: Final = re.compile(r"\s*(>=?[ \t]*\S.*?)\s*")
"""An expectation (`>= 0.9`): such a line is not YAML, and is taken as a string."""


def _overrides(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> dict[str, Any]:
    """Values by path. Raises `click.BadParameter` where one is not `PATH=VALUE`, or its value is
    not YAML.
    """
    found: dict[str, Any] = {}
    for text in given:
        split = _SETTING.fullmatch(text)
        path, value = (split[1].strip(), split[2]) if split else ("", "")
        if not path:
            raise click.BadParameter(
                f"`{text}` is not PATH=VALUE, e.g. `training.epochs=3`", ctx, param
            )
        if path in found:
            raise click.BadParameter(f"`{path}` is set twice", ctx, param)
        found[path] = _yaml(value, text, ctx, param)
    return found


def _yaml(text: str, whole: str, ctx: click.Context, param: click.Parameter) -> Any:
    from modelspec.core.source import plain, read_text

    if comparison := _COMPARISON.fullmatch(text):
        return comparison[1]

    read = read_text(f"value: {text}", f"--set {whole}")
    root = plain(read.value.root) if read.value is not None else None
    if not read.ok or not isinstance(root, dict) or list(root) != ["value"]:
        reason = next(
            (found.message for found in read.diagnostics), "write a mapping as `{key: value}`"
        )
        raise click.BadParameter(f"the value of `{whole}` is not YAML: {reason}", ctx, param)
    return root["value"]


def overrides_option(flag: str, name: str, help: str) -> Callable[[Any], Any]:
    """An option like `--set`: the command receives `name`, a dict of values by path."""
    return click.option(
        flag, name, multiple=True, metavar="PATH=VALUE", callback=_overrides, help=help
    )


set_option = overrides_option(
    "--set",
    "overrides",
    "Override a value, e.g. `training.epochs=3`, `model.layers.stem.filters=8` or "
    "`vars.width=32`; can be repeated.",
)
"""`--set training.epochs=3`: the command receives `overrides`, a dict of values by path."""


def _grant(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> None:
    """Allows places while the command runs. Raises `click.BadParameter` for invalid ones."""
    from modelspec.core.places import NoPlace, downloading, granting

    from .downloads import Downloads

    downloading.set(downloading.get() or Downloads())
    if not given:
        return
    roots, hosts = (given, ()) if param.name == "data_roots" else ((), given)
    try:
        ctx.with_resource(granting(roots, hosts))
    except NoPlace as error:
        raise click.BadParameter(str(error), ctx, param) from None


data_root_option = click.option(
    "--data-root",
    "data_roots",
    multiple=True,
    metavar="DIR",
    callback=_grant,
    expose_value=False,
    help=(
        "Allow reading data from this folder outside the project, or below this address"
        " (`s3://bucket/folder`, `https://host/`); can be repeated."
    ),
)
"""`--data-root DIR`: applies while the command runs, which receives no argument."""

allow_host_option = click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    metavar="HOST[:PORT]",
    callback=_grant,
    expose_value=False,
    help="Allow the run to send data to this host; can be repeated.",
)
"""`--allow-host HOST[:PORT]`: like `data_root_option`."""


def _plug(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> None:
    """Adds plugins while the command runs."""
    if given:
        from modelspec.core.plugins import plugging

        ctx.with_resource(plugging(given))


plugin_option = click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="MODULE",
    callback=_plug,
    expose_value=False,
    help="Let the spec use the layers of this Python module; can be repeated.",
)
"""`--plugin MODULE`: like `data_root_option`."""

spec_file = click.argument("file", metavar="FILE", type=click.Path(allow_dash=True))
"""One spec; `-` is standard input. Reading it reports whether it exists."""


def jobs_option(help: str) -> Callable[[Any], Any]:
    """`--jobs N`: how many trainings run at once."""
    return click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help=help,
    )


def writable(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    """The callback of an option for an output path. Raises `click.BadParameter`, before any work is
    done, where the nearest existing parent is not a folder, or cannot be written.

    Missing folders are left to the command: some create them.
    """
    if path is None:
        return None
    import os

    try:
        above = path.parents if path.is_file() else (path, *path.parents)
        place = next((one for one in above if one.exists()), Path())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise click.BadParameter(f"`{path}` cannot be written: {reason}", ctx, param) from None
    reason = "is not a folder" if not place.is_dir() else "is a folder that cannot be written"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise click.BadParameter(f"`{path}` cannot be written: `{place}` {reason}", ctx, param)
    return path


class LateChoice(click.Choice):  # type: ignore[type-arg]  # not generic before click 8.2
    """A choice whose names are computed on demand, not when the command is loaded."""

    def __init__(self, names: Callable[[], Iterable[str]]) -> None:
        self._names = names
        self.case_sensitive = True

    @cached_property
    def choices(self) -> Sequence[str]:  # type: ignore[override]  # a writable attribute of click's
        return tuple(self._names())
