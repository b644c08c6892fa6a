"""The composition root: every part is made here, once, and handed to whoever needs it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from cases.attachments import AttachmentStore
from cases.catalogue import shipped
from cases.clock import SHANGHAI
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.handlers import case_handlers
from cases.policies import POLICIES, PolicyRunner
from eventstore import EventStore
from eventstore.tracking import PostgresTracking
from inspection.handlers import inspection_handlers
from inspection.live import LiveRooms
from inspection.media.plane import MediaPlane
from inspection.policies import inspection_policies
from projections import PROJECTIONS, Runner, open_pool
from service.config import Settings
from service.database import Database
from service.keys import Keys
from service.network import local_addresses
from service.sms import GatewayMessenger
from web.database import Database as EdgeDatabase
from web.files import Files
from web.messenger import Messenger, OutboxMessenger
from web.passwords import Credentials
from web.services import EdgeSettings, Services


@dataclass(frozen=True)
class Service:
    """A running service, without its doors."""

    services: Services
    reactions: PolicyRunner


def now() -> datetime:
    return datetime.now(SHANGHAI)


@asynccontextmanager
async def open_service(settings: Settings, database: Database, *, base_url: str, demo: bool) -> AsyncIterator[Service]:
    """Everything behind the HTTP application; closed in the opposite order."""
    async with AsyncExitStack() as stack:
        keys = Keys.load_or_create(settings, now())
        store = await EventStore.open(database.service_url, keys=keys.vault)
        stack.push_async_callback(store.close)
        edge = await EdgeDatabase.open(database.service_url)
        stack.push_async_callback(edge.close)
        pool = await open_pool(database.service_url)
        stack.push_async_callback(pool.close)
        tracking = await PostgresTracking.open(database.service_url)
        stack.push_async_callback(tracking.close)

        directory = Directory()
        await directory.load(store)
        attachments = AttachmentStore(settings.data_dir / "files")
        files = Files(edge, store, attachments, now)
        dispatcher = Dispatcher(store, case_handlers(directory, files) | inspection_handlers(), shipped(), now)
        runner = await stack.enter_async_context(Runner(store, pool, list(PROJECTIONS.values()), now))
        messenger = _messenger(settings, edge, keys, demo=demo)
        recordings = settings.data_dir / "recordings"
        live = LiveRooms(await _plane(settings, stack), dispatcher, store, recordings)
        policies = [
            *POLICIES,
            *inspection_policies(
                store=store,
                attachments=attachments,
                catalogue=shipped(),
                directory=directory,
                messenger=messenger,
                invitations=keys.invitations,
                seal=keys.seal,
                base_url=base_url,
                clock=now,
            ),
        ]
        reactions = PolicyRunner(store, dispatcher, policies, tracking=tracking)
        await live.start()
        stack.push_async_callback(live.close)
        await _keep(stack, directory.keep(store), "directory")
        await _keep(stack, reactions.run(), "reactions")
        yield Service(
            Services(
                settings=EdgeSettings(
                    base_url=base_url,
                    secret=keys.edge,
                    recordings=recordings,
                    derived=settings.data_dir / "derived",
                    demo=demo,
                    behind_proxy=settings.behind_proxy,
                ),
                store=store,
                database=edge,
                dispatcher=dispatcher,
                catalogue=shipped(),
                directory=directory,
                runner=runner,
                pool=pool,
                invitations=keys.invitations,
                attachments=attachments,
                files=files,
                messenger=messenger,
                live=live,
                clock=now,
                credentials=Credentials(edge, now),
            ),
            reactions,
        )


async def _plane(settings: Settings, stack: AsyncExitStack) -> MediaPlane:
    told = [a.strip() for a in settings.media_addresses.split(",") if a.strip()]
    plane = await MediaPlane.start(
        bind=settings.media_host, port=settings.media_port, advertise=told or local_addresses()
    )
    stack.push_async_callback(plane.close)
    return plane


def _messenger(settings: Settings, edge: EdgeDatabase, keys: Keys, *, demo: bool) -> Messenger:
    if settings.sms_url and not demo:
        return GatewayMessenger(settings.sms_url, settings.sms_token)
    return OutboxMessenger(edge, keys.edge, now)


async def _keep(stack: AsyncExitStack, work: Coroutine[None, None, None], name: str) -> None:
    """Runs until the service closes."""
    task = asyncio.create_task(work, name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
