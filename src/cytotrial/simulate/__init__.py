"""Synthetic trials whose truth is known: cells, cytometer, FCS files and sheets."""
