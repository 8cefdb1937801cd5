"""What `make bench` runs: accuracy against known truth, speed as ratios."""
