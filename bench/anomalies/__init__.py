"""How good the detectors are: against published ones on a benchmark, and against the simulator's truth."""
