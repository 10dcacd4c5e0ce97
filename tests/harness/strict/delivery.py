"""How an answer reaches the client: whole, drop by drop, in part, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web
from pydantic_core import to_json

from tests.harness.strict.faults import Answer

DRIP_S = 0.5
"""How long a slow drip takes."""

_DROPS = 100
"""A longer answer comes in drops of several bytes, so that it is over in time."""

_RESET = struct.pack("ii", 1, 0)
"""Linger for 0 s: what is not sent is thrown away and the client gets a RST."""


async def deliver(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send an answer as it says; does not return when the client is to be left without the end of it."""
    if answer.delivery == "silence":
        await _until_the_client_is_gone()
    if answer.delivery == "reset":
        await _reset(request)
    content = answer.body if isinstance(answer.body, bytes) else b"" if answer.body is None else to_json(answer.body)
    headers = {"content-type": "application/json", **answer.headers}
    if answer.delivery == "whole":
        return web.Response(status=answer.status, body=content, headers=headers)
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(content)
    await response.prepare(request)
    if answer.delivery == "half":
        await response.write(content[: len(content) // 2])
        await _reset(request)
    size = -(-len(content) // _DROPS) or 1
    for start in range(0, len(content), size):
        await response.write(content[start : start + size])
        await asyncio.sleep(DRIP_S / _DROPS)
    return response


async def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is not None:
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        transport.abort()
    await _until_the_client_is_gone()


async def _until_the_client_is_gone() -> None:
    """The server cancels what answers a connection when the connection ends, or the server."""
    await asyncio.get_running_loop().create_future()
