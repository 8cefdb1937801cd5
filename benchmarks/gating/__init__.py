"""How near gating comes to the truth of simulated trials, and how well it repeats itself on the same blood."""

import os

# The workflow's verbs run on one thread each; so do these processes, or they would stand in each other's way, and a
# sum in another order could differ in its last bit. It has to be said before numpy is imported.
for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")
