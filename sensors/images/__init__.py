"""The two images: what they are built on and from, their names, and the builds that `docker` does."""
