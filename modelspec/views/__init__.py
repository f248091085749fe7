"""Output for people: tables, pictures, resolved specs, the schema, the manual, fixes and
differences.
"""
