"""Runs on several devices and processes: which processes belong together, what they must agree on,
and who restarts them. Importing this package loads no framework.
"""
