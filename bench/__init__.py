"""Speed and memory of each stage and of the whole: `python -m bench`."""
