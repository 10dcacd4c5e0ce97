"""Commands that are imported when they are asked for, so that each costs the time and memory of its own alone."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperGroup


class LazyGroup(TyperGroup):
    """A group whose commands are modules of a package, each imported when it is run, or listed.

    Attributes:
        package: Holds the modules. One with an `app` is a group; any other has a function of its own name, or with `_`
            after it where Python has the name, and its `EXAMPLE`.
        modules: Their names, in the order of the help.
    """

    package: ClassVar[str] = ""
    modules: ClassVar[Sequence[str]] = ()

    def __init__(self, *, commands: Mapping[str, Any] | None = None, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Imported(self.package, {**dict.fromkeys(self.modules), **(commands or {})})


class _Imported(UserDict[str, Any]):
    """Name -> command; None stands for one that nobody has asked for."""

    def __init__(self, package: str, commands: Mapping[str, Any]) -> None:
        super().__init__(commands)
        self._package = package

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = _command(self._package, name)
        return self.data[name]


def _command(package: str, name: str) -> Any:
    module = import_module(f"{package}.{name}")
    holder = typer.Typer(add_completion=False)
    holder.callback()(_nothing)  # a group, also of one command
    if hasattr(module, "app"):
        holder.add_typer(module.app, name=name)
    else:
        function = getattr(module, name, None) or getattr(module, f"{name}_")
        holder.command(name, epilog=module.EXAMPLE)(function)
    group: Any = typer.main.get_command(holder)
    return group.commands[name]


def _nothing() -> None:
    pass
