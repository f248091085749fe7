"""The program as a group of commands: one file for each, imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import click

from modelspec import __version__
from modelspec.core.posix import UnsupportedPlatform
from modelspec.core.quick_import import owns_process
from modelspec.core.visible import visible

from . import commands, status
from .compiling import begin_collection
from .examples import start
from .output import prepare, silence


def command_modules() -> dict[str, str]:
    """The module of each command by the command's name; none is imported."""
    found = [module.name for module in iter_modules(commands.__path__)]
    return {name.removesuffix("_"): f"{commands.__name__}.{name}" for name in found}


class NoCommand(click.ClickException):
    """`modelspec` alone: the first commands are shown."""

    def show(self, file: Any = None) -> None:
        click.echo(
            f"Usage: modelspec COMMAND ...\n\n{start()}\n\n`modelspec --help` lists all commands,"
            " `modelspec explain` the topics of the manual.",
            file=file,
            err=file is None,
        )


class Commands(click.Group):
    """A group whose commands are the modules of `modelspec.cli.commands`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            raise NoCommand("no command")
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        modules = {name: import_module(module) for name, module in command_modules().items()}
        return sorted(modules, key=lambda name: _place(name, modules[name]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = command_modules().get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(module).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in command_modules() and not args[0].startswith("-"):
            from modelspec.core.diagnostics import nearest

            names = self.list_commands(ctx)
            near = nearest(args[0], names)
            hint = f"did you mean `{near}`?" if near else f"the commands are {', '.join(names)}"
            raise click.UsageError(f"unknown command `{args[0]}`: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            assert command is not None
            rows.append((name, command.get_short_help_str(limit=sys.maxsize)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

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


def _place(name: str, module: ModuleType) -> tuple[int, str]:
    order: int = module.ORDER
    return order, name


def _status(run: Callable[[], object]) -> int:
    """The exit status, after the error is printed."""
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
    except UnsupportedPlatform as error:
        click.echo(f"Error: {error}", err=True)
        return status.FAILED
    except OSError as error:
        return _of_system(error)
    except Exception as error:  # noqa: BLE001  # the last resort, which reports a bug
        return _our_fault(error)
    return returned if isinstance(returned, int) else status.OK


def _of_system(error: OSError) -> int:
    """Reports a file that the system refuses to open, or a bug."""
    from .system_errors import described, is_of_name

    said = described(error)
    if said is None:
        return _our_fault(error)
    click.echo(f"Error: {visible(said)}", err=True)
    return status.USAGE if is_of_name(error) else status.FAILED


def _our_fault(error: Exception) -> int:
    """Reports an unexpected exception, which is a bug of modelspec; the traceback is for
    developers.
    """
    import os
    import traceback

    if os.environ.get("MODELSPEC_TRACEBACK"):
        traceback.print_exception(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    click.echo(
        f"modelspec failed: {type(error).__name__}: {error}\n  in {frame.name},"
        f" {frame.filename}:{frame.lineno}\nThis is a bug of modelspec, not an error of the spec."
        " Please report it with the\ntraceback that MODELSPEC_TRACEBACK=1 shows.",
        err=True,
    )
    return status.BUG


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        f"\b\n{start()}\n\n"
        "Exit status: 0 success, 1 the spec has errors, 2 wrong usage, 3 the run failed, 4 an"
        " expectation does not hold, 75 interrupted and resumable. `modelspec COMMAND --help` shows"
        " the options of a command."
    ),
)
@click.version_option(
    __version__, "-V", "--version", prog_name="modelspec", message="%(prog)s %(version)s"
)
def main() -> None:
    """Define neural networks in YAML files, check them, and train them."""
    if owns_process():
        begin_collection()
