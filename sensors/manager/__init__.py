"""The sensor manager: cities of simulated sensors on Docker Compose, each with an uploader."""
