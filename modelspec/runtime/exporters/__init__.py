"""A trained run as what others use: Keras files, weights, SavedModel, ONNX, LiteRT, and a Python
script.

    open_run     run folder     -> SavedRun     the resolved spec and the weights
    samples      its data       -> Samples      some rows: as the source has them, and as the model
                                                takes them
    preparing    Samples        -> Preparing    what is between columns and model, as Keras layers
    formats      Job, path      -> Written      a file beside the one asked for, and what it gives
                                                for the rows
    export_run   Written        -> Exported     compared with the run's own predictions, then
                                                renamed into place

To list the formats loads nothing but them.
"""
