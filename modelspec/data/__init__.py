"""Data at run time: sources open to named columns, columns become tensors, tensors are checked, split and batched.

    open_source   source settings      -> Table         named columns, each of which knows where its values stand
    bind          data section, Table  -> Binding       which columns feed which input and target
    fit           columns, shapes      -> arrays        reshaped and cast to what the model takes
    check         arrays               -> diagnostics   what training would pass over in silence
    split         seed, positions      -> parts         train, validation, test
    batches       part, seed, epoch    -> tf.data       each epoch a permutation of its own

Only `batches` loads TensorFlow. Everything that is wrong with the data is found before, and raised together as one
`DataError`.
"""

from .errors import DataError, RunError
from .prepare import Examples, Part, Prepared, prepare, prepare_source
from .sources import open_source
from .table import Table

__all__ = [
    "DataError", "Examples", "Part", "Prepared", "RunError", "Table", "open_source", "prepare", "prepare_source",
]
