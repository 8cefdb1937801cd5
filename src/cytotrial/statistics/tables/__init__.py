"""The trial's tables: which values are compared with which, one module per table."""
