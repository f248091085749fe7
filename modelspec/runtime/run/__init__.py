"""Training, evaluation and prediction: the only stage with effects besides the command line.

Importing this package loads no framework; TensorFlow is loaded only after the run folder is locked
and the data is checked.
"""

from ..data import DataError, RunError
from .choose_threshold import choose_threshold
from .evaluate import Evaluation, evaluate
from .events import Watcher
from .predict import Stream, Written, predict, predictions
from .prediction_rows import Predictions
from .result import Run, opened
from .resume import has_ended, resume, without_effect
from .session import Abandoned
from .train import Interrupted, Trial, train, trial

__all__ = [
    "Abandoned",
    "DataError",
    "Evaluation",
    "Interrupted",
    "Predictions",
    "Run",
    "RunError",
    "Stream",
    "Trial",
    "Watcher",
    "Written",
    "choose_threshold",
    "evaluate",
    "has_ended",
    "opened",
    "predict",
    "predictions",
    "resume",
    "train",
    "trial",
    "without_effect",
]
