"""The first report of an execution that does not end: the first line of its stdout, read from its log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, suppress
from typing import Any

from submitter.errors import OrchestratorError

MAX_LINE_BYTES = 64_000

_STDOUT = 1

Messages = Callable[[str, str], Generator[Mapping[str, Any], None, None]]
"""Job, execution -> the messages of its log; see `Client.log`."""


class FirstLines:
    """Reads logs, one thread each, because a node that has not begun takes seconds to answer.

    A log without a whole line yet, or that cannot be read yet, is read again by the next `of`, so who calls it decides
    how often. Threads that still wait at the end of the program end with it.
    """

    def __init__(self, messages: Messages):
        self._messages = messages
        self._lines: dict[str, str] = {}
        self._threads: dict[str, threading.Thread] = {}

    def of(self, job_id: str, execution_id: str) -> str | None:
        """The line without its end, None as long as there is none."""
        if execution_id not in self._lines:
            thread = self._threads.get(execution_id)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(target=self._read, args=(job_id, execution_id), daemon=True)
                self._threads[execution_id] = thread
                thread.start()
        return self._lines.get(execution_id)

    def _read(self, job_id: str, execution_id: str) -> None:
        messages = self._messages(job_id, execution_id)
        with closing(messages), suppress(OrchestratorError):
            line = first_line(messages)
            if line is not None:
                self._lines[execution_id] = line


def first_line(messages: Iterable[Mapping[str, Any]]) -> str | None:
    """The first line of stdout, whose parts may come in several messages; None when the log ends before it does."""
    text = ""
    for message in messages:
        if not isinstance(message, Mapping) or message.get("error"):
            return None
        value = message.get("value")
        if isinstance(value, Mapping) and value.get("Type") == _STDOUT:
            text += str(value.get("Line") or "")
            line, end, _ = text.partition("\n")
            if end or len(text) > MAX_LINE_BYTES:
                return line
    return None
