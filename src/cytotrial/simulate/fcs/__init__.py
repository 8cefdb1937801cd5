"""Simulated tubes as FCS files, in the forms that laboratories' software writes."""
