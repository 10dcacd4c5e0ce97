"""Which files a project is configured by, ours or old ones, and what they say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sensors import config
from sensors.errors import ConfigError
from sensors.manager.settings import old_files
from sensors.manager.settings.checked import checked
from sensors.manager.settings.yaml_file import Document, Location, Problem, parse

CITIES = Path("config", "cities.txt")
UPLOADER = Path("config", "config.yaml")
SIMULATOR = Path("config", "sensor-config.yaml")
"""Where the old layout has its files."""


@dataclass(frozen=True)
class Named:
    """Files that were asked for; None where the usual place is meant.

    Attributes:
        config: Ours, a list of cities, or the old `config.yaml`.
        simulator: The old `sensor-config.yaml`.
        uploader: The old `config.yaml`; relative to `config/`, else to the project.
    """

    config: Path | None = None
    simulator: Path | None = None
    uploader: Path | None = None


@dataclass
class Sources:
    """What the files say.

    Attributes:
        path: Which has the cities.
        name: Its name for people, within the project.
        config: None where it does not hold.
        cosmos: `COSMOS_*` of the old `config.yaml`.
        problems: Each with file and line.
        notices: What else is to be told.
    """

    path: Path
    name: str
    config: config.Config | None = None
    cosmos: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read(root: Path, named: Named, environment: Mapping[str, str]) -> Sources:
    """What the files of a project say, or what is wrong with them.

    Args:
        root: The project's folder.
        named: Files that were asked for.
        environment: For `${NAME}` in old files.

    Raises:
        ConfigError: There is no configuration, or a file that was asked for is not there or cannot be read.
    """
    files = _Files(root)
    main = _main(root, named)
    document = None if main.suffix == ".txt" else files.yaml(main)
    if document is not None and not (main.name != config.FILE_NAME and old_files.is_old(document.value)):
        sources = _ours(files, main, document)
        uploader, simulator = _uploader(root, named), named.simulator and root / named.simulator
        if named.config is None:
            sources.notices += _idle(root, used=(uploader, simulator))
    else:
        sources = _old(files, main, document)
        uploader = _uploader(root, named) or (main if document else _there(root / UPLOADER))
        simulator = root / named.simulator if named.simulator else _there(root / SIMULATOR)
    if uploader:
        _take_cosmos(sources, files, uploader, environment)
    if simulator:
        _take_rates(sources, files, simulator)
    return sources


def _main(root: Path, named: Named) -> Path:
    """The file that was asked for, else ours, else the old list of cities, else the old `config.yaml`."""
    if named.config is not None:
        return root / named.config
    for place in (Path(config.FILE_NAME), CITIES, UPLOADER):
        if (root / place).exists():
            return root / place
    raise ConfigError(
        "configure the sensors",
        root.absolute(),
        why=f"there is neither {config.FILE_NAME} nor {CITIES.as_posix()}",
        hint="bacalhau-cosmos sensors init",
    )


def _uploader(root: Path, named: Named) -> Path | None:
    if named.uploader is None:
        return None
    return _there(root / "config" / named.uploader) or root / named.uploader


def _ours(files: _Files, path: Path, document: Document) -> Sources:
    sources = Sources(path, files.shown(path))
    _check(sources, document.value, document.line_of, document.problems)
    return sources


def _idle(root: Path, used: tuple[Path | None, ...]) -> Iterator[str]:
    there = [place for place in (CITIES, UPLOADER, SIMULATOR) if (root / place).exists() and root / place not in used]
    if there:
        names = ", ".join(place.as_posix() for place in there)
        yield f"{config.FILE_NAME} is used, not the old {names} beside it"


def _old(files: _Files, main: Path, document: Document | None) -> Sources:
    """Cities of an old file; where it is a `config.yaml` without any, those of the list that belongs to it."""
    path = main
    cities = old_files.cities_of(document) if document else old_files.listed(files.text(main))
    if document and not cities.entries:
        path = _there(main.parent / CITIES.name) or files.root / CITIES
        if not path.exists() and (files.root / config.FILE_NAME).exists():
            path = files.root / config.FILE_NAME
            return _ours(files, path, files.yaml(path))
        cities = old_files.listed(files.text(path))
    sources = Sources(path, files.shown(path))
    _check(sources, {"schema_version": 1, "cities": cities.entries}, cities.line_of, ())
    return sources


def _check(sources: Sources, value: object, line_of: Callable[[Location], int], known: tuple[Problem, ...]) -> None:
    sources.config, found = checked(value, line_of) if value is not None or not known else (None, [])
    together = sorted([*known, *found], key=lambda each: each.line)
    sources.problems += [problem.told(sources.name) for problem in together]


def _take_cosmos(sources: Sources, files: _Files, path: Path, environment: Mapping[str, str]) -> None:
    found = old_files.uploader(files.yaml(path), environment)
    sources.cosmos = found.values
    sources.problems += [problem.told(files.shown(path)) for problem in found.problems]
    sources.notices += _unused(files.shown(path), found.unused)


def _take_rates(sources: Sources, files: _Files, path: Path) -> None:
    found = old_files.simulator(files.yaml(path))
    sources.problems += [problem.told(files.shown(path)) for problem in found.problems]
    sources.notices += _unused(files.shown(path), found.unused)
    if sources.config is not None:
        defaults = sources.config.defaults.model_copy(update=dict(found.values))
        sources.config = sources.config.model_copy(update={"defaults": defaults})


def _unused(name: str, keys: tuple[str, ...]) -> Iterator[str]:
    if keys:
        yield f"{name}: not used here: {', '.join(keys)}"


def _there(path: Path) -> Path | None:
    return path if path.exists() else None


@dataclass(frozen=True)
class _Files:
    root: Path

    def shown(self, path: Path) -> str:
        """Relative to the project where it is in it."""
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def yaml(self, path: Path) -> Document:
        return parse(self.text(path))

    def text(self, path: Path) -> str:
        return text_of(path, self.shown(path))


def text_of(path: Path, name: str) -> str:
    """The text of a file of the configuration.

    Raises:
        ConfigError: It is not there, cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows' editors put a mark at its start
    except OSError as error:
        why = error.strerror or str(error)
        hint = "name a file that this user can read, or make one: bacalhau-cosmos sensors init"
    except UnicodeDecodeError as error:
        why, hint = f"it is no UTF-8 text, from byte {error.start} on", "save it as UTF-8"
    raise ConfigError("read the configuration", name, why=why, hint=hint)
