"""How long requests are waited for, and when they are tried again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from processors import cosmos
from processors.cosmos import Account
from processors.retry import decide
from processors.sink.answer import Answer
from processors.sink.task import Task


@dataclass(frozen=True)
class Patience:
    """With an account.

    Attributes:
        account: Where requests go.
        budget_s: Seconds for which a request is tried again.
        request_timeout_s: Seconds after which it counts as unanswered.
        clock: Seconds, never falling.
        sleep: Waits between attempts, and for a turn.
        jitter: Numbers from 0 to 1.
    """

    account: Account
    budget_s: float
    request_timeout_s: float
    clock: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]
    jitter: Callable[[], float]

    def wait_s(self, task: Task, answer: Answer, since_s: float, attempt: int) -> float:
        """Seconds until it is worth trying again.

        Raises:
            SinkError: It is not, or not within the budget, which began at `since_s`.
            EndpointError: Likewise.
        """
        wait_s = decide(
            answer.status,
            attempt,
            self.clock() - since_s,
            answer.advice_s,
            budget_s=self.budget_s,
            jitter=self.jitter(),
        )
        if wait_s is None:
            assert answer.error is not None
            subject = f"{self.account.database}/{task.container}"
            raise cosmos.explain(answer.error, self.account, task.doing, subject) from answer.error
        return wait_s
