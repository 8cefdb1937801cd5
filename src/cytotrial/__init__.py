"""From a trial's FCS files to per-visit subset percentages and change-from-baseline statistics."""

__version__ = "0.1.0"
