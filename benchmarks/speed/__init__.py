"""How fast gating and the whole workflow are beside FlowKit, in one run: ``python -m benchmarks.speed``."""
