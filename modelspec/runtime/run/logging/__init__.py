"""Logging of a run to services: `runtime.logging`.

service      what a service has to do; the run that it logs
journal      the file of everything that was logged, which a resumed run truncates
guarded      a service with a time limit for each call, whose errors become warnings
logged       a watcher that passes the events of a training to the services
tensorboard, mlflow, wandb, plugins     the services; each imports its package on first use
"""

from .logged import logged
from .services import require_packages

__all__ = ["logged", "require_packages"]
