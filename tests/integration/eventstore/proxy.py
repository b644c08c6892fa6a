"""A man in the middle of the socket, who can lose a request, lose a reply, or cut the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit


class Proxy:
    def __init__(self, server_url: str, folder: Path) -> None:
        parts = urlsplit(server_url)
        self._server = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
        self._folder = folder
        self.url = parts._replace(query=f"host={quote(str(folder), safe='')}").geturl()
        self.lose_next_request = False
        self.lose_next_reply = False
        self.closed_for_new = False
        self.lost = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._stalled: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_unix_server(self._serve, str(self._folder / ".s.PGSQL.5432"))
        try:
            yield self
        finally:
            server.close()
            self.cut()
            await server.wait_closed()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()

    def stall(self) -> None:
        """What is connected stays so, and nothing passes any more: a host that vanished without a word."""
        self._stalled |= self._writers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed_for_new:
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_unix_connection(str(self._server))
        mine = {writer, server_writer}
        self._writers |= mine
        await asyncio.gather(self._requests(reader, server_writer), self._replies(server_reader, writer))
        for one in mine:
            one.close()
            with suppress(OSError):
                await one.wait_closed()
        self._writers -= mine

    async def _requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.lose_next_request:
                    self.lose_next_request = False
                    self.lost += 1
                    self.cut()
                    break
                if sink not in self._stalled:
                    sink.write(data)
        sink.close()

    async def _replies(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.lose_next_reply:
                    self.lose_next_reply = False
                    self.lost += 1
                    self.cut()
                    break
                if sink not in self._stalled:
                    sink.write(data)
        sink.close()
