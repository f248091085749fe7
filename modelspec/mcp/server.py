"""The tools over the protocol, with the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Final, ParamSpec, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

import modelspec

from .tools import Refused, Tools
from .training import train as trained

_INSTRUCTIONS: Final = """\
modelspec checks neural networks that are written as YAML or JSON files. Write a spec, `check` its
text before saving it, correct what the diagnostics report (each has a place and usually a
suggestion), and use `show` for shapes and parameters. `explain` has a manual page for each layer,
loss, optimizer, key, purpose and code: use it instead of guessing names."""
_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_TRAINS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)

File = Annotated[
    str | None, Field(description="A spec below the folder of the server, as a relative path.")
]
Text = Annotated[
    str | None,
    Field(
        description="The text of a spec that is not saved. With `file`, its paths are relative to"
        " that file."
    ),
]
Overrides = Annotated[
    dict[str, Any] | None,
    Field(description='Values by path: `{"training.epochs": 3, "vars.width": 64}`.'),
]
_P = ParamSpec("_P")
_T = TypeVar("_T")


def server(root: Path, *, allow_train: bool) -> MCPServer[Any]:
    """A server for the specs and runs below a folder, which must be the working directory."""
    tools = Tools(root)
    made: MCPServer[Any] = MCPServer(
        "modelspec", version=modelspec.__version__, instructions=_INSTRUCTIONS, log_level="WARNING"
    )
    _add_checks(made, tools)
    _add_manual(made, tools)
    if allow_train:
        _add_training(made, tools)
    return made


def _add_checks(made: MCPServer[Any], tools: Tools) -> None:
    def check(file: File = None, text: Text = None, overrides: Overrides = None) -> dict[str, Any]:
        """Report every error and warning of a spec, each with its place, code, help and suggestion.

        `report` is the text for people. A spec with `ok: true` can be trained.
        """
        return tools.check(file, text, overrides)

    def show(
        file: File = None,
        text: Text = None,
        overrides: Overrides = None,
        depth: Annotated[
            int | None, Field(ge=0, description="Levels of nested models that are shown.")
        ] = None,
    ) -> str:
        """Show the layers of a spec with shapes, parameters and multiply-adds, and the totals with
        the memory of training.
        """
        return tools.show(file, text, overrides, depth)

    def fix(file: File = None, text: Text = None) -> dict[str, Any]:
        """Rewrite the old spellings of a spec (Keras 1 and 2). Returns the new text and a diff, and
        saves nothing.
        """
        return tools.fix(file, text)

    def runs(
        path: Annotated[
            str, Field(description="A folder of runs, or one run, as a relative path.")
        ] = "runs",
        sort: Annotated[
            str | None, Field(description="A metric to sort by, best first: `val_accuracy`.")
        ] = None,
    ) -> dict[str, Any]:
        """List the runs in a folder with states and metrics, or show one run with its history."""
        return tools.runs(path, sort)

    for one in (check, show, fix, runs):
        made.add_tool(_answered(one), annotations=_READS)


def _add_manual(made: MCPServer[Any], tools: Tools) -> None:
    def explain(
        topic: Annotated[
            str | None,
            Field(
                description="A layer (Conv2D), a component (Adam), a key (training.loss), a code"
                " (MS402), a purpose (finetune), a list (layers, losses), or words to search for."
            ),
        ] = None,
    ) -> str:
        """Show the manual page of a topic; without one, the list of topics."""
        return tools.explain(topic)

    def schema(
        definition: Annotated[
            str | None, Field(description="The name of one definition of the schema.")
        ] = None,
    ) -> dict[str, Any]:
        """The JSON Schema of a spec: its sections and the names of all definitions, or one
        definition.
        """
        return tools.schema(definition)

    made.add_tool(_answered(explain), annotations=_READS)
    made.add_tool(_answered(schema), annotations=_READS)


def _add_training(made: MCPServer[Any], tools: Tools) -> None:
    async def train(
        file: Annotated[str, Field(description="A spec below the folder of the server.")],
        overrides: Overrides = None,
        run_dir: Annotated[
            str | None, Field(description="The run folder; by default runs/NAME/NUMBER.")
        ] = None,
    ) -> dict[str, Any]:
        """Train a spec, and evaluate it on the test split. Returns the exit status (0: completed,
        1: errors in the spec, 3: the run failed, 4: an expectation does not hold), the output and
        the record of the run.
        """
        try:
            path = tools.path(file)
            folder = None if run_dir is None else tools.path(run_dir)
        except Refused as refused:
            raise ToolError(str(refused)) from None
        return await trained(tools.root, path, overrides or {}, folder)

    made.add_tool(train, annotations=_TRAINS)


def _answered(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """A refusal is an answer with an error, which the assistant reads."""

    @wraps(function)
    def answered(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except Refused as refused:
            raise ToolError(str(refused)) from None

    return answered
