"""The command line: describes jobs, sends them to a Bacalhau network, runs and queries locally."""

from importlib.metadata import version

__version__ = version("bacalhau-cosmos")
