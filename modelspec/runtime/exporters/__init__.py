"""A trained run as what others use: Keras files, weights, SavedModel, ONNX, LiteRT, and a Python
script.

    open_run          run folder     -> SavedRun     the resolved spec and the weights
    samples           its data       -> Samples      some rows, as the source has them
    feature_making    Samples        -> Preparing    what is between columns and model, as
                                                     `graph_steps` on tensors
    checked_batches   Samples        -> Batch, ...   rows in batches of several sizes, with
                                                     sequences of several lengths, and with gaps
    formats           Job, path      -> Written      a file beside the one asked for, and how it is
                                                     opened
    left_out          Written        -> str          what `predict` does and it does not, which is
                                                     noted in the file
    export_run        Written        -> Exported     compared with the run's own predictions on
                                                     every batch, then renamed into place

To list the formats loads nothing but them.
"""
