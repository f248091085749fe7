"""Data at run time: sources open to named columns, columns become tensors, tensors are checked,
split and batched.

    open_source   source settings      -> Table         named columns, each of which knows where its values stand
    bind          data section, Table  -> Binding       which columns feed which input and target
    survey        Table, Binding       -> Survey        every used column looked through: kinds, what is missing
    cut           seed, positions      -> parts         train, validation, test
    learn         Survey, train        -> State         what transforms and `missing` take from the training split
    materialise   Survey, State        -> arrays        prepared, arranged and cast to what the model takes, checked
    keep          arrays               -> Kept          in memory, or in the cache on disk
    batches       part, seed, epoch    -> tf.data       each epoch a permutation of its own

Sources are read in blocks, as often as needed, so that they may be larger than memory. Only
`transforms`, `augment` and `batches` load TensorFlow: what is wrong with the data as they are is
found before, and raised together as one `DataError`.
"""

from .errors import DataError, RunError
from .prepare import Examples, Part, Prepared, prepare, prepare_source
from .sources import open_source
from .table import Table

__all__ = [
    "DataError",
    "Examples",
    "Part",
    "Prepared",
    "RunError",
    "Table",
    "open_source",
    "prepare",
    "prepare_source",
]
