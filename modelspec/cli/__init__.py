"""The command line. One file for each command, imported when the command is called: `modelspec
--help` loads nothing.

Only this package prints, reads argv and sets an exit status.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from typing import Any, Final

import click

from modelspec import __version__

from . import status
from .output import prepare, silence

COMMANDS: Final = {
    "check": "Find every fault of a spec; no framework is loaded.",
    "data": "What the data of a spec hold: parts, columns, classes, examples.",
    "show": "The layers with shapes, parameters and cost.",
    "resolve": "The spec after extends, expressions, blocks and loops.",
    "diff": "What differs between two specs or runs.",
    "train": "Train, evaluate on the test split, save.",
    "resume": "Go on where a run stopped, exactly.",
    "evaluate": "The metrics of a run.",
    "predict": "Raw rows in, predictions out.",
    "export": "The trained model in another format: Keras, ONNX, LiteRT, a script, ...",
    "runs": "The runs in a folder with their metrics, or what happened in one.",
    "reproduce": "Train a run again and compare, bit for bit.",
    "weights": "The weights of a run or a file: list, extract, compare.",
    "import": "A Keras model becomes a spec.",
    "explain": "The manual page of a code, a layer, a component or a key.",
    "schema": "The JSON Schema of the language, for editors.",
    "init": "Write a commented spec to start from.",
}
"""Every command with its line in the help."""
MODULES: Final = {"import": "importing"}
"""The modules of commands whose names Python has for itself."""


class Commands(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(
            f"{__name__}.{MODULES.get(cmd_name, cmd_name)}"
        ).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            from modelspec.core.diagnostics import nearest

            near = nearest(args[0], COMMANDS)
            hint = f"did you mean `{near}`?" if near else f"the commands are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command `{args[0]}`: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(  # type: ignore[override]  # every option of click's, passed through
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        *,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run and exit with a status of `modelspec.cli.status`. Bad input never ends in a
        traceback.
        """
        run = partial(super().main, args, prog_name, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        prepare()
        sys.exit(_status(run))


def _status(run: Callable[[], object]) -> int:
    """What to exit with, once what went wrong is said."""
    try:
        returned = run()
    except click.ClickException as error:
        error.show()
        return status.USAGE
    except (click.Abort, KeyboardInterrupt):
        return status.KILLED_BY_INTERRUPT
    except BrokenPipeError:
        silence()
        return status.KILLED_BY_PIPE
    except Exception as error:  # noqa: BLE001  # the last resort, which says so
        return _our_fault(error)
    return returned if isinstance(returned, int) else status.OK


def _our_fault(error: Exception) -> int:
    """A raise inside modelspec is a bug; its traceback is for whoever mends it, not for whoever met
    it.
    """
    import os
    import traceback

    if os.environ.get("MODELSPEC_TRACEBACK"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    click.echo(
        f"modelspec failed: {type(error).__name__}: {error}\n  in {frame.name},"
        f" {frame.filename}:{frame.lineno}\nThis is a bug of modelspec, whatever the spec says."
        " Please report it, with the traceback that\nMODELSPEC_TRACEBACK=1 shows.",
        err=True,
    )
    return status.BUG


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Exit status: 0 all well, 1 the spec has errors, 2 wrong usage, 3 the run failed, 4 an"
        " expectation does not hold, 75 interrupted and resumable."
    ),
)
@click.version_option(
    __version__, "-V", "--version", prog_name="modelspec", message="%(prog)s %(version)s"
)
def main() -> None:
    """Neural networks as files that are checked before they are trained."""


def run() -> None:
    """The program `modelspec`."""
    main(prog_name="modelspec")
