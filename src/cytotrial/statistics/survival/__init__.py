"""Whether a trial's results stand under other choices than those made: what is tried, and what it says."""
