"""Models of Keras as specs: their files are read by modelspec itself, nothing in them is run.

    parse      JSON          -> Architecture   of Keras 1.0 to 3.x
    spec_of    Architecture  -> a spec         in the words of its file
    tidy       a spec        -> a spec         defaults left out, what repeats in blocks and loops
"""
