"""Calls to the orchestrator; the only file that speaks to the network.

The transport is bacalhau-apiclient's. Its models drop fields that Bacalhau sends, so answers are taken as they are.
Nothing here tries again: `watch` does, and a job that was put may be there although its answer was lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import ssl
import warnings
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import IO, Any, Self, TypeVar
from urllib.parse import quote, urlencode

import certifi
import urllib3
from bacalhau_apiclient.api_client import ApiClient
from bacalhau_apiclient.configuration import Configuration
from bacalhau_apiclient.rest import ApiException
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedOK, WebSocketException

from submitter import states
from submitter.config import Orchestrator
from submitter.errors import OrchestratorError, ResultError
from submitter.handle import Handle
from submitter.nodes import Matched, Node, compute_nodes
from submitter.refusals import explained
from submitter.spec import JobSpec

T = TypeVar("T")

CONNECT_S = 5.0
READ_S = 30.0
LOG_S = 10.0
"""A node takes 5 s to say that it does not know an execution yet."""

_MOST_EVENTS = 10_000
"""Bacalhau gives a hundred unless it is asked for more."""
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_JOBS = "/api/v1/orchestrator/jobs"
_MAX_MESSAGE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20

_QUIET = logging.getLogger(__name__)
_QUIET.setLevel(logging.INFO)
"""For websockets, which writes each header down at DEBUG, also Authorization."""


class Client:
    """One orchestrator. Closed at the end of its `with`."""

    def __init__(self, place: Orchestrator, *, connect_s: float = CONNECT_S, read_s: float = READ_S):
        self.place = place
        self._timeout = (connect_s, read_s)
        configuration = Configuration()
        for logger in configuration.logger.values():
            logger.removeHandler(configuration.logger_stream_handler)
        configuration.host = place.url
        configuration.verify_ssl = not place.insecure
        configuration.ssl_ca_cert = None if place.ca_file is None else str(place.ca_file)
        self._api = ApiClient(configuration)
        # Its threads serve asynchronous calls only, and would end when the garbage collector comes by.
        self._api.pool.close()
        self._api.pool.join()
        self._pool = self._api.rest_client.pool_manager
        self._pool.connection_pool_kw["retries"] = False
        if place.authorization is not None:
            self._api.set_default_header("Authorization", place.authorization)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.clear()

    def nodes(self) -> tuple[Node, ...]:
        """The compute nodes, by name.

        Raises:
            OrchestratorError: The orchestrator cannot be reached, or does not let us in.
            ApiError: It answered with an error. So for every call.
        """
        doing = "look at the nodes"
        answer = self._call(doing, "GET", "/api/v1/orchestrator/nodes", expect="Nodes")
        return self._understood(doing, compute_nodes, answer)

    def put(self, job: JobSpec, matched: Matched) -> Handle:
        """Sends the job's very bytes."""
        doing = f"submit {job.name or job.spec}"
        answer = self._call(doing, "PUT", _JOBS, expect="JobID", body=json.loads(job.body))
        # It becomes a part of commands that people copy from the terminal.
        if not isinstance(answer["JobID"], str) or not _ID.fullmatch(answer["JobID"]):
            raise self._strange(doing)
        warnings = tuple(map(str, answer.get("Warnings") or ()))
        return Handle(answer["JobID"], job, matched.expected, warnings, matched.absent)

    def job(self, job_id: str) -> states.Snapshot:
        """The job and the executions of its newest version."""
        path = f"{_JOBS}/{quote(job_id, safe='')}"
        doing = "watch the job"
        answer = self._call(doing, "GET", f"{path}?include=executions", expect="Job")
        return self._understood(doing, states.snapshot, answer)

    def advice(self, job_id: str) -> dict[str, str]:
        """Execution -> Bacalhau's hint about its failure, where it gave one."""
        path = f"{_JOBS}/{quote(job_id, safe='')}/history?limit={_MOST_EVENTS}"
        doing = "read the job's history"
        return self._understood(doing, states.hints, self._call(doing, "GET", path, expect="Items"))

    def results(self, job_id: str) -> list[str]:
        """URLs of what the job's executions published, in the order of the executions."""
        path = f"{_JOBS}/{quote(job_id, safe='')}/results"
        doing = "look for the job's results"
        return self._understood(doing, states.urls, self._call(doing, "GET", path, expect="Items"))

    def download(self, url: str, into: IO[bytes]) -> None:
        """Writes what is at a URL that `results` gave.

        Raises:
            ResultError: It cannot be had.
        """
        connect_s, read_s = self._timeout
        timeout = urllib3.Timeout(connect=connect_s, read=read_s)
        try:
            if not url.startswith(("http://", "https://")):
                raise ValueError("it is no URL of the web")
            with self._pool.request("GET", url, preload_content=False, timeout=timeout) as answer:
                if answer.status == 200:
                    for chunk in answer.stream(_CHUNK_BYTES):
                        into.write(chunk)
                    return
                why = f"status {answer.status}"
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            why = str(error)
        raise ResultError(
            "fetch the results", url.partition("?")[0], why=why, hint="let this machine reach the node's publisher"
        )

    def log(self, job_id: str, execution_id: str) -> Generator[Mapping[str, Any], None, None]:
        """Messages of the log of an execution, those there are by now.

        Raises:
            OrchestratorError: It cannot be read, or breaks.
        """
        # In Bacalhau 1.9.3 `follow` keeps every other reader from all logs of the node, and for seconds after it has
        # gone (pkg/nats/proxy/logstream_handler.go); `tail` leaves out what there is (execution_log_reader.go).
        query = urlencode({"execution_id": execution_id})
        place = self.place
        url = f"{'wss' if place.tls else 'ws'}://{place.address}{_JOBS}/{quote(job_id, safe='')}/logs?{query}"
        headers = {} if place.authorization is None else {"Authorization": place.authorization}
        opening = connect(
            url,
            additional_headers=headers,
            ssl=_tls(place),
            logger=_QUIET,
            proxy=None,
            ping_interval=None,  # Bacalhau 1.9.3 answers none
            open_timeout=self._timeout[0],
            close_timeout=1,
            max_size=_MAX_MESSAGE_BYTES,
        )
        # A loop of its own and no thread: the library's blocking client was seen to wait for its thread for ever.
        try:
            with asyncio.Runner() as runner:
                socket = runner.run(_awaited(opening))
                try:
                    while True:
                        yield json.loads(runner.run(asyncio.wait_for(socket.recv(), LOG_S)))
                finally:
                    runner.run(socket.close())
        except ConnectionClosedOK:
            return
        except (OSError, WebSocketException, ValueError) as error:
            raise OrchestratorError(
                "read the log", place.url, why=str(error), hint="bacalhau job logs shows it", passing=True
            ) from error

    def _call(self, doing: str, method: str, path: str, *, expect: str, body: Any = None) -> dict[str, Any]:
        try:
            with warnings.catch_warnings():
                if self.place.insecure:
                    warnings.simplefilter("ignore", urllib3.exceptions.InsecureRequestWarning)
                answer = self._api.call_api(
                    path,
                    method,
                    body=body,
                    response_type="object",
                    _return_http_data_only=True,
                    _request_timeout=self._timeout,
                )
        except (ApiException, urllib3.exceptions.HTTPError, OSError) as error:
            raise explained(doing, self.place, error) from error
        if not isinstance(answer, dict) or expect not in answer:
            raise self._strange(doing)
        return answer

    def _understood(self, doing: str, read: Callable[[dict[str, Any]], T], answer: dict[str, Any]) -> T:
        """What an answer says. Its parts are taken for what Bacalhau sends, and another thing is no Bacalhau."""
        try:
            return read(answer)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise self._strange(doing) from error

    def _strange(self, doing: str) -> OrchestratorError:
        return OrchestratorError(
            doing,
            self.place.url,
            why="what answers there is no Bacalhau orchestrator",
            hint="set BACALHAU_API_HOST and BACALHAU_API_PORT to the orchestrator's API",
        )


async def _awaited(opening: connect) -> ClientConnection:
    return await opening


def _tls(place: Orchestrator) -> ssl.SSLContext | None:
    if not place.tls:
        return None
    context = ssl.create_default_context(cafile=str(place.ca_file) if place.ca_file else certifi.where())
    if place.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
