"""From FCS bytes to p-values where the truth is known: what is found, and how often something is found in nothing."""

import benchmarks.gating  # noqa: F401  one thread for each process; has to be said before numpy is imported
