"""Text to a typed graph and its diagnostics, without a framework: `pipeline.py` shows every
stage.
"""
