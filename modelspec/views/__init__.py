"""What people look at: tables, pictures, resolved specs, the schema, the manual, fixes and
differences.
"""
