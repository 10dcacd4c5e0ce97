"""Settings: flag, environment, file, default, in that order; checked whole, then frozen.

No other file of this package reads the environment, but for a short cut of the health check and for `identity`, which
cleans what a library reads there. Every setting is `COSMOS_<NAME>` in the environment and `<name>` in the file; a name
that is not known is an error in both, with the closest one that is.
"""

from processors.settings.fields import PREFIX, Settings
from processors.settings.loading import FILE, Loaded, load

__all__ = ["FILE", "PREFIX", "Loaded", "Settings", "load"]
