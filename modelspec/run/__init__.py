"""Training, evaluation and prediction: the only stage with effects besides the command line.

Importing this package loads no framework; TensorFlow comes in only after the run folder is locked and the data is
checked.
"""

from ..data import DataError, RunError
from .evaluate import Evaluation, evaluate
from .predict import Predictions, predict
from .train import Interrupted, Run, Trial, train, trial
from .watch import Watcher

__all__ = [
    "DataError", "Evaluation", "Interrupted", "Predictions", "Run", "RunError", "Trial", "Watcher", "evaluate",
    "predict", "train", "trial",
]
