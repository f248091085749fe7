"""The callback that sends what it sees to a server."""

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
        raise Unfit("a path on the server, which begins with `/`", code="MS205")
    return value


def _headers(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Unfit("a mapping of names of headers to texts")
    texts = (*value, *value.values())
    if not all(text.isascii() and text.isprintable() for text in texts):
        raise Unfit("a mapping of names of headers to texts, each on one line", code="MS205")
    return dict(value)


class RemoteMonitor(Callback):
    """Sends losses and metrics to a server at the end of every epoch, as a POST request.

    ```yaml
    callbacks:
      - RemoteMonitor: {root: "https://logs.example.org", send_as_json: true}
    ```

    The host must be allowed outside of the spec: `--allow-host logs.example.org`. A redirect is not
    followed, and a server that does not answer is a warning: the training continues.
    """

    state: ClassVar[tuple[str, ...] | None] = ()
    tried: ClassVar[bool] = False
    lowered: ClassVar[str] = "modelspec.runtime.backend.remote_monitor"

    root: Annotated[str, PlainValidator(_root, json_schema_input_type=str)] = (
        "http://localhost:9000"
    )
    path: Annotated[str, PlainValidator(_path, json_schema_input_type=str)] = "/publish/epoch/end/"
    field: str = "data"
    """The name that the values have in a form; with `send_as_json` there is no form."""
    headers: (
        Annotated[
            dict[str, str],
            PlainValidator(_headers, json_schema_input_type=dict[str, str] | None),
        ]
        | None
    ) = None
    """Further headers of the request; do not write secrets into a spec."""
    send_as_json: bool = False

    @property
    def sends_to(self) -> tuple[str, int] | None:
        """The host and the port that it sends to."""
        return web_host(self.root)
