"""Sources of data: what a spec may say about each kind. `runtime/data/sources` opens them."""
