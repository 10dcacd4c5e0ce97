"""What the choice of readings saves, what it costs in accuracy, and how fast it is; writes docs/reduction.md."""
