"""The named crash points of a pass: (module, dotted name, before or after the call, number of the call)."""

POINTS = {
    "after lineage": ("processors.lineage", "place", "after", 1),
    "after announcing": ("processors.archive", "Archive.announce", "after", 1),
    "after adding": ("processors.checkpoint", "Checkpoint.add", "after", 1),
    "after read": ("processors.source", "Source.page", "after", 3),
    "between containers": ("processors.sink", "Sink.write", "after", 4),
    "after sink": ("processors.sink", "Sink.write", "after", 6),
    "half aside": ("processors.archive", "_set_aside", "after", 2),
    "after aside": ("processors.archive", "write_whole", "before", 2),
    "after manifest": ("processors.archive", "Archive._move_in_place", "before", 2),
    "half moved": ("processors.archive", "make_folder", "after", 3),
    "after move": ("processors.checkpoint", "Checkpoint.advance", "before", 2),
    "inside checkpoint": ("processors.checkpoint", "Checkpoint._numbers", "after", 2),
    "after checkpoint": ("processors.checkpoint", "Checkpoint.advance", "after", 1),
    "before the run's report": ("processors.sink", "Sink.put_run", "before", 1),
}
