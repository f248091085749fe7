"""The callback that sends losses and metrics to a server."""

from typing import Annotated, Any, ClassVar

from pydantic import PlainValidator

from modelspec.core.places import web_host
from modelspec.core.settings import Unfit

from .callbacks import Callback


def _root(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("the address of a server")
    if web_host(value) is None:
        raise Unfit(
            "the address of a server, `https://HOST[:PORT]`, without a user name and a query",
            code="MS205",
        )
    return value


def _path(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit("a path on the server")
    if not value.startswith("/") or not value.isascii() or not value.isprintable() or " " in value:
        raise Unfit("a path on the server that begins with `/`", code="MS205")
    return value


def _headers(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Unfit("a mapping of header names to strings")
    strings = (*value, *value.values())
    if not all(text.isascii() and text.isprintable() for text in strings):
        raise Unfit("a mapping of header names to strings, each on one line", code="MS205")
    return dict(value)


class RemoteMonitor(Callback):
    """Sends losses and metrics to a server at the end of every epoch, as a POST request.

    ```yaml
    callbacks:
      - RemoteMonitor: {root: "https://logs.example.org", send_as_json: true}
    ```

    The host must be allowed outside of the spec: `--allow-host logs.example.org`. Redirects are not
    followed. If the server does not answer, a warning is shown and training continues.
    """

    state: ClassVar[tuple[str, ...] | None] = ()
    tried: ClassVar[bool] = False
    lowered: ClassVar[str] = "modelspec.runtime.backend.remote_monitor"

    root: Annotated[str, PlainValidator(_root, json_schema_input_type=str)] = (
        "http://localhost:9000"
    )
    path: Annotated[str, PlainValidator(_path, json_schema_input_type=str)] = "/publish/epoch/end/"
    field: str = "data"
    """The name of the form field with the values; not with `send_as_json`."""
    headers: (
        Annotated[
            dict[str, str],
            PlainValidator(_headers, json_schema_input_type=dict[str, str] | None),
        ]
        | None
    ) = None
    """HTTP headers to add to each request; do not write secrets into a spec."""
    send_as_json: bool = False

    @property
    def sends_to(self) -> tuple[str, int] | None:
        """The host and the port that receive the requests."""
        return web_host(self.root)
