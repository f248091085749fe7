"""Module paths that files and scripts outside this package use. Nothing inside the package imports
from here.
"""
