"""What every stage uses: diagnostics, source text, shapes, dtypes, settings. No layer and no
framework is known here.
"""
