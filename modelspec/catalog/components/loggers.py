"""The services that a run logs to: `runtime.logging`."""

import os
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from modelspec.core.places import web_host

from .run_paths import RunPath
from .setting_types import Component, Whole

MLFLOW_URI = "MLFLOW_TRACKING_URI"
WANDB_HOST = "api.wandb.ai"
"""The host of the service, if `WANDB_BASE_URL` does not name another one."""
_DATABRICKS = ("databricks", "uc:")
_LOCAL = ("", "file", "sqlite")
"""Schemes of stores on this machine."""

Artifact = Literal["report", "model", "spec"]
"""A file of the run folder: `report.html`, `model.keras`, `resolved.yaml`."""


class Logger(Component):
    """A service. Its addresses and keys come from the environment, never from a spec."""

    common: ClassVar[tuple[str, ...]] = ("steps",)
    package: ClassVar[str] = ""
    """The package that it requires."""

    steps: Whole = 0
    """The number of training steps between logged values within an epoch, approximately: values are
    logged where the training loop reports them; 0 logs only the end of each epoch.
    """

    @property
    def sends_to(self) -> tuple[str, int] | None:
        """The host and the port that receive what is logged; None if it remains on this
        machine.
        """
        return None


class tensorboard(Logger):  # noqa: N801  # named as a spec names it
    """Writes losses and metrics, histograms of the weights, the graph and example images for
    TensorBoard.

    ```yaml
    logging: {tensorboard: {histograms: 5, images: 4}}
    ```

    The files are in the run folder: `tensorboard --logdir runs`. Requires the package
    `tensorboard`. A run that resumes from a checkpoint truncates them to it, so that they contain
    nothing twice.
    """

    package: ClassVar[str] = "tensorboard"

    log_dir: RunPath = "tensorboard"
    """The folder of the files, in the run folder."""
    histograms: Whole = 0
    """The number of epochs between histograms of the weights; 0 writes none."""
    graph: bool = True
    """Whether the graph of the model is written."""
    images: Whole = 0
    """The number of training examples that are written as images at the start, for each input that
    is an image; 0 writes none.
    """


class mlflow(Logger):  # noqa: N801  # named as a spec names it
    """Logs parameters, losses and metrics to MLflow.

    ```yaml
    logging: {mlflow: {experiment: penguins, artifacts: [report]}}
    ```

    The server is that of `MLFLOW_TRACKING_URI` in the environment; its host must be allowed:
    `--allow-host mlflow.example.org`. Without the variable, the run is logged to the folder
    `mlruns` in the run folder. Requires the package `mlflow`. A run that is resumed continues its
    run of MLflow, without the steps that it already contains.
    """

    package: ClassVar[str] = "mlflow"

    experiment: str | None = None
    """The experiment, which is created if it does not exist; `null` is the name of the spec."""
    artifacts: tuple[Artifact, ...] = ()
    """Files that are uploaded at the end of a run: `report`, `model`, `spec`."""

    @property
    def sends_to(self) -> tuple[str, int] | None:
        address = os.environ.get(MLFLOW_URI, "").strip()
        if address.startswith(_DATABRICKS):  # its host is in the configuration of Databricks
            return "databricks", 443
        parts = urlsplit(address)
        if parts.scheme in _LOCAL:
            return None
        port = {"http": 80, "https": 443}.get(parts.scheme, 0)
        try:
            return parts.hostname or parts.scheme, parts.port or port
        except ValueError:  # an invalid port
            return parts.hostname or parts.scheme, port


class wandb(Logger):  # noqa: N801  # named as a spec names it
    """Logs parameters, losses and metrics to Weights & Biases.

    ```yaml
    logging: {wandb: {project: penguins}}
    ```

    By default a run is logged offline, in the folder `wandb` of the run folder; `wandb sync`
    uploads it. It is logged online if `WANDB_API_KEY` is set in the environment and the host is
    allowed: `--allow-host api.wandb.ai`, or the host of `WANDB_BASE_URL`. With
    `WANDB_MODE=offline` it is always offline. Requires the package `wandb`. A run that is resumed
    continues its run of Weights & Biases.
    """

    package: ClassVar[str] = "wandb"

    project: str | None = None
    """The project; `null` is the name of the spec."""
    artifacts: tuple[Artifact, ...] = ()
    """Files that are uploaded at the end of a run: `report`, `model`, `spec`."""

    @property
    def sends_to(self) -> tuple[str, int] | None:
        """Only where the environment asks for it: by default a host that is not allowed means that
        the run is logged offline.
        """
        mode, address = os.environ.get("WANDB_MODE", ""), os.environ.get("WANDB_BASE_URL", "")
        if mode in ("offline", "disabled", "dryrun") or not (address or mode):
            return None
        return self.host

    @property
    def host(self) -> tuple[str, int]:
        """The host and the port of the service."""
        address = os.environ.get("WANDB_BASE_URL", "")
        if not address:
            return WANDB_HOST, 443
        return web_host(address.rstrip("/")) or (urlsplit(address).hostname or address, 0)
