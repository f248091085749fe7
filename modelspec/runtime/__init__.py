"""The stages with effects: data, Keras models, runs, what runs left on disk, and exports.

They need file locks and process limits; checks, views and imports below them do not.
"""

from modelspec.core.posix import require_posix

require_posix()
