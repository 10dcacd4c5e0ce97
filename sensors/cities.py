"""Where sensors stand: any name is a city, and some names are known."""

import unicodedata
from dataclasses import dataclass

from sensors.errors import RequestError
from sensors.randomness import generator


@dataclass(frozen=True)
class City:
    """A place; `region` and `code` are what sensor ids are made from.

    `utc_offset_h` is the standard time of the place all year round: a simulated day has 24 hours.
    """

    name: str
    region: str
    code: str
    latitude: float
    longitude: float
    utc_offset_h: float

    @property
    def slug(self) -> str:
        """Lower-case name without spaces: one city, however it is spelled."""
        return slug_of(self.name)

    @property
    def utc_offset(self) -> str:
        """As the upstream simulator writes it: `-05:00`."""
        minutes = round(abs(self.utc_offset_h) * 60)
        sign = "-" if self.utc_offset_h < 0 else "+"
        return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"


_KNOWN = (
    City("Atlanta", "GA", "ATL", 33.7490, -84.3880, -5),
    City("Austin", "TX", "AUS", 30.2672, -97.7431, -6),
    City("Berlin", "DE", "BER", 52.5200, 13.4050, 1),
    City("Boston", "MA", "BOS", 42.3601, -71.0589, -5),
    City("Chicago", "IL", "CHI", 41.8781, -87.6298, -6),
    City("Denver", "CO", "DEN", 39.7392, -104.9903, -7),
    City("London", "GB", "LON", 51.5074, -0.1278, 0),
    City("Los Angeles", "CA", "LAX", 34.0522, -118.2437, -8),
    City("Miami", "FL", "MIA", 25.7617, -80.1918, -5),
    City("Mumbai", "IN", "MUM", 19.0760, 72.8777, 5.5),
    City("New York", "NY", "NYC", 40.7128, -74.0060, -5),
    City("Paris", "FR", "PAR", 48.8566, 2.3522, 1),
    City("Phoenix", "AZ", "PHX", 33.4484, -112.0740, -7),
    City("San Francisco", "CA", "SFO", 37.7749, -122.4194, -8),
    City("Seattle", "WA", "SEA", 47.6062, -122.3321, -8),
    City("Singapore", "SG", "SIN", 1.3521, 103.8198, 8),
    City("Sydney", "AU", "SYD", -33.8688, 151.2093, 10),
    City("Tokyo", "JP", "TYO", 35.6762, 139.6503, 9),
)


def slug_of(name: str) -> str:
    """`New York`, `new-york` and `NEW_YORK` are one city."""
    return "-".join(name.casefold().replace("_", " ").replace("-", " ").split())


_BY_SLUG = {city.slug: city for city in _KNOWN}


def is_known(name: str) -> bool:
    """Whether `city_named` knows where it is."""
    return slug_of(name) in _BY_SLUG


def city_named(name: str) -> City:
    """The known city of that name, else a place that follows from the name alone.

    Raises:
        RequestError: The name cannot be a folder name.
    """
    _check(name)
    slug = slug_of(name)
    known = _BY_SLUG.get(slug)
    if known is not None:
        return known
    rng = generator("city", slug)
    longitude = round(float(rng.uniform(-180, 180)), 4)
    return City(
        name=name,
        region="XX",
        code=_letters(name),
        latitude=round(float(rng.uniform(-45, 60)), 4),
        longitude=longitude,
        utc_offset_h=round(longitude / 15),
    )


def _letters(name: str) -> str:
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(letter for letter in ascii_name.upper() if letter.isalnum())[:3].ljust(3, "X")


def _check(name: str) -> None:
    usable = name == name.strip() and name.isprintable() and not set(name) & set("/\\")
    if not usable or not slug_of(name) or name.startswith("."):
        raise RequestError(
            "use the city",
            repr(name),
            why="it becomes the name of a folder: no / or \\, and no dot or space at its start",
            hint="give a plain name, for example --city denver",
        )
