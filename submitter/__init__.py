"""The command line: describes jobs, sends them to a Bacalhau network, runs and queries locally."""


def version() -> str:
    """Of this install."""
    from importlib.metadata import version as version_of  # noqa: PLC0415 - a tenth of a second, for what few ask

    return version_of("bacalhau-cosmos")
