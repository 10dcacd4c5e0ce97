"""What a rehearsal has in the place of what a pass has: a sink that counts, an archive to which nothing is added."""

from __future__ import annotations

from dataclasses import dataclass

from processors import discover, spending
from processors.checkpoint import Checkpoint
from processors.city import recipe
from processors.model import Database
from processors.pipeline import Sender, Sends
from processors.rehearsal.counting import Counting
from processors.rehearsal.trials import Trials
from processors.rehearsal.windows import Remembering
from processors.rounds import Means
from processors.settings import Settings
from processors.standing import Untouched
from processors.tally import Tally
from processors.world import Silent, World


@dataclass(frozen=True)
class StillMeans(Means):
    """What the databases of a rehearsal share; time stands still, so that nothing is shown before its turn.

    Attributes:
        trials: Forms that are tried; None: that of the settings, as a run would.
    """

    trials: Trials | None = None

    @property
    def sends(self) -> Sends:
        """As a run's, and each of the forms that are tried."""
        if self.trials is not None:
            return self.trials
        assert isinstance(self.sink, Counting)
        return Remembering(Sender(self.sink, self.recipe), self.sink)

    def archive(self, database: Database) -> Untouched:
        """Is only read."""
        return Untouched(self.settings.archive, database)


def still_means(
    settings: Settings, world: World, checkpoint: Checkpoint, sink: Counting, trials: Trials | None = None
) -> StillMeans:
    """Those of one rehearsal, which has a place of its own (`apart.place`).

    Raises:
        CityError: There is no such city.
        CheckpointError: What was spent before cannot be read.
    """
    still = World(now=world.now, clock=lambda: 0.0, stop=world.stop)
    tally = Tally(still)
    tally.databases = discover.databases(settings.data, settings.city)
    purse = spending.purse(settings, checkpoint, tally.meter, still)
    return StillMeans(settings, recipe(settings), still, Silent(), checkpoint, sink, tally, purse, trials=trials)
