"""One file a command; the only place that may import every package."""
