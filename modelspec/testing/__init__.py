"""Tests of your own plugins: `modelspec.testing.check_layer`, `check_loss`, `check_metric`,
`check_component`, `check_source`, `check_transform`, `check_logger`.
"""

from modelspec.catalog.layers.layer import Example

from .component_check import check_component
from .layer_check import check_layer
from .measure_check import check_loss, check_metric
from .plugin_checks import check_logger, check_source, check_transform

__all__ = [
    "Example",
    "check_component",
    "check_layer",
    "check_logger",
    "check_loss",
    "check_metric",
    "check_source",
    "check_transform",
]
