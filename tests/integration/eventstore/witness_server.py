"""A real witness over HTTP that follows C2SP tlog-witness to the letter, and can be told to misbehave."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from eventstore.checkpoint import Checkpoint, NoteError, Signer, VerifierKey, decode_base64
from eventstore.merkle import ProofError, verify_consistency


class WitnessServer:
    """held: the newest checkpoint of each origin that it has cosigned. broken: its answer to everything."""

    def __init__(self, signer: Signer, logs: list[VerifierKey]) -> None:
        self.signer = signer
        self.logs = {key.name: key for key in logs}
        self.held: dict[str, Checkpoint] = {}
        self.broken: web.Response | None = None
        self.asked = 0
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[WitnessServer]:
        app = web.Application()
        app.router.add_post("/w/add-checkpoint", self._add)
        async with TestServer(app) as server:
            self.url = str(server.make_url("/w"))
            yield self

    async def _add(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.broken is not None:
            return web.Response(status=self.broken.status, body=self.broken.body, content_type=self.broken.content_type)
        try:
            head, _, note = (await request.text()).partition("\n\n")
            first, *proof = head.split("\n")
            word, _, size = first.partition(" ")
            old, hashes = int(size), [decode_base64(line) for line in proof]
            checkpoint = Checkpoint.parse(note)
            if word != "old" or str(old) != size or len(hashes) > 63 or old > checkpoint.size:
                return web.Response(status=400)
        except (NoteError, ValueError):
            return web.Response(status=400)
        return self._judge(old, hashes, checkpoint)

    def _judge(self, old: int, proof: list[bytes], checkpoint: Checkpoint) -> web.Response:
        if (key := self.logs.get(checkpoint.origin)) is None:
            return web.Response(status=404)
        try:
            checkpoint.verify(key)
        except NoteError:
            return web.Response(status=403)
        held = self.held.get(checkpoint.origin)
        size = held.size if held else 0
        if old != size or (held and held.size == checkpoint.size and held.root != checkpoint.root):
            return web.Response(status=409, text=f"{size}\n", content_type="text/x.tlog.size")
        if held is not None:
            try:
                verify_consistency(held.size, checkpoint.size, proof, held.root, checkpoint.root)
            except ProofError:
                return web.Response(status=422)
        elif proof:
            return web.Response(status=422)
        self.held[checkpoint.origin] = checkpoint
        stranger = Signer("stranger.test/w", bytes(32), self.signer.kind)
        lines = [signer.cosign(checkpoint.body, int(time.time())) for signer in (stranger, self.signer)]
        return web.Response(text="".join(map(str, lines)))
