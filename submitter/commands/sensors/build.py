"""`bacalhau-cosmos sensors build`: both images, on this machine's engine."""

from typing import TYPE_CHECKING

from submitter.commands._options import AsOutput
from submitter.commands.sensors import _options as options
from submitter.commands.sensors._build import builder
from submitter.commands.sensors._project import changing, chosen_name, load
from submitter.errors import UsageError
from submitter.output import chosen, show_document, show_rows

if TYPE_CHECKING:
    from sensors.images.build import Built

EXAMPLE = "Example: bacalhau-cosmos sensors build --tag v1.2"


def build(
    *,
    tag: options.Tag = None,
    no_tag: options.NoTag = False,
    output: AsOutput = None,
) -> None:
    """Build the image of the sensors and that of the uploaders, for this project, and print their names.

    Nothing is pushed. `start` and `compose` take the images that were built last.
    """
    if no_tag and tag is not None:
        raise UsageError("build", "--no-tag with --tag", why="they contradict each other", hint="leave one out")
    how = chosen(output)
    loaded = load(options.wanted())
    built = builder(loaded, chosen_name(loaded), tag=loaded.fleet.tag if tag is None else tag, by_content=no_tag)
    with changing(loaded.places, "build") as step:
        step("build the images")
        _show(built(), how)


def _show(built: "Built", how: str) -> None:
    rows = [{"image": each.image, "name": each.name, "id": each.id, "news": each.news} for each in built.images]
    if how == "json":
        show_document({"schemaVersion": 1, "tag": built.tag, "images": rows})
    else:
        show_rows(rows, how, columns=["image", "name", "news"])
