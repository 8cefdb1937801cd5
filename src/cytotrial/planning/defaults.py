"""What `cytotrial plan` asks where nobody says otherwise. Light: no numpy here."""

from __future__ import annotations

PATIENTS = (8, 12, 16, 20, 30, 40, 60)  # per arm
EVENTS = (5_000, 10_000, 20_000, 50_000, 100_000)  # per tube
TRIALS, SEED = 1_000, 1
