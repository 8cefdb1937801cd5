"""Pictures: the dynamics drawn from tables, the gates drawn on a file's events."""
