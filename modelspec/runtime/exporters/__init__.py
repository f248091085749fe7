"""Exports of a trained run: Keras files, weights, SavedModel, ONNX, LiteRT, and a Python script.

    open_run          run folder     -> SavedRun     the resolved spec and the weights
    samples           its data       -> Samples      some rows, as stored in the source
    feature_making    Samples        -> Preparing    the steps between columns and model, as
                                                     `graph_steps` on tensors
    checked_batches   Samples        -> Batch, ...   rows in batches of several sizes, with
                                                     sequences of several lengths, and missing
                                                     values
    formats           Job, path      -> Written      a temporary file, and how it is opened
    left_out          Written        -> str          the steps of `predict` that it lacks, which
                                                     are noted in the file
    export_run        Written        -> Exported     compared with the run's own predictions on
                                                     every batch, then renamed into place

Listing the formats imports nothing else.
"""
