"""Pictures drawn from tables."""
