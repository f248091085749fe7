"""Addresses that files and scripts outside of this package use. Nothing inside imports from
here.
"""
