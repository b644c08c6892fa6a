"""The composition root: every part is made here, once, and handed to whoever needs it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from cases.attachments import AttachmentStore
from cases.catalogue import shipped
from cases.clock import SHANGHAI
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.forgetting import forgetting_policy
from cases.handlers import case_handlers
from cases.messenger import Messenger
from cases.news import news_policies
from cases.policies import POLICIES, PolicyRunner
from eventstore import EventStore, Notary
from eventstore.connection import connect
from eventstore.errors import RecordUnavailableError
from eventstore.tracking import PostgresTracking
from eventstore.witness import WitnessKeeper
from inspection.forgetting import InspectionRemains
from inspection.handlers import inspection_handlers
from inspection.live import LiveRooms
from inspection.media.plane import MediaPlane
from inspection.policies import inspection_policies
from projections import PROJECTIONS, Runner, open_pool
from service.config import Settings
from service.database import Database
from service.errors import PortError
from service.keys import Keys, log_folder
from service.network import local_addresses
from service.sms import GatewayMessenger
from service.witness import witnesses
from web.database import Database as EdgeDatabase
from web.files import Files
from web.forgetting import EdgeMemory
from web.messenger import OutboxMessenger
from web.passwords import Credentials
from web.services import EdgeSettings, Services


def now() -> datetime:
    return datetime.now(SHANGHAI)


log = logging.getLogger(__name__)

_BEGIN_AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Stores:
    """What is kept: the record, the edge's tables, the read models, the places of followers, files."""

    record: EventStore
    edge: EdgeDatabase
    models: Any
    tracking: PostgresTracking
    attachments: AttachmentStore

    @classmethod
    async def open(cls, stack: AsyncExitStack, settings: Settings, url: str, keys: Keys) -> Stores:
        record = await EventStore.open(url, keys=keys.vault)
        stack.push_async_callback(record.close)
        edge = await EdgeDatabase.open(url)
        stack.push_async_callback(edge.close)
        models = await open_pool(url)
        stack.push_async_callback(models.close)
        tracking = await PostgresTracking.open(url)
        stack.push_async_callback(tracking.close)
        return cls(record, edge, models, tracking, AttachmentStore(settings.data_dir / "files"))


@asynccontextmanager
async def open_service(settings: Settings, database: Database, *, base_url: str, demo: bool) -> AsyncIterator[Services]:
    """Everything behind the HTTP application; closed in the opposite order."""
    async with AsyncExitStack() as stack:
        keys = Keys.load_or_create(settings, now())
        stores = await Stores.open(stack, settings, database.service_url, keys)
        directory = Directory()
        await directory.load(stores.record)
        files = Files(stores.edge, stores.record, stores.attachments, now)
        handlers = case_handlers(directory, files) | inspection_handlers()
        dispatcher = Dispatcher(stores.record, handlers, shipped(), now)
        runner = await stack.enter_async_context(Runner(stores.record, stores.models, list(PROJECTIONS.values()), now))
        edge_settings = EdgeSettings(
            base_url=base_url,
            secret=keys.edge,
            recordings=settings.data_dir / "recordings",
            derived=settings.data_dir / "derived",
            demo=demo,
            behind_proxy=settings.behind_proxy,
        )
        notary, keeper = _log(settings, database, keys)
        live = LiveRooms(await _plane(settings, stack), dispatcher, stores.record, edge_settings.recordings)
        services = Services(
            settings=edge_settings,
            store=stores.record,
            database=stores.edge,
            dispatcher=dispatcher,
            catalogue=shipped(),
            directory=directory,
            runner=runner,
            pool=stores.models,
            invitations=keys.invitations,
            attachments=stores.attachments,
            files=files,
            messenger=_messenger(settings, stores.edge, keys, demo=demo),
            live=live,
            clock=now,
            credentials=Credentials(stores.edge, now),
            notary=notary,
            witnessing=keeper.status,
        )
        await live.start()
        stack.push_async_callback(live.close)
        await _keep(stack, partial(directory.keep, stores.record), "directory")
        await _keep(stack, _reactions(services, stores, keys).run, "reactions")
        await _keep(stack, notary.run, "notary")
        if keeper.status:
            await _keep(stack, keeper.run, "witnesses")
        yield services


def _log(settings: Settings, database: Database, keys: Keys) -> tuple[Notary, WitnessKeeper]:
    connecting = partial(connect, database.service_url)
    notary = Notary(connecting, keys.log, log_folder(settings))
    return notary, WitnessKeeper(connecting, notary, witnesses(settings, keys.log.verifier))


def _reactions(services: Services, stores: Stores, keys: Keys) -> PolicyRunner:
    news = news_policies(
        store=services.store,
        catalogue=services.catalogue,
        messenger=services.messenger,
        base_url=services.settings.base_url,
        clock=services.clock,
    )
    inspecting = inspection_policies(
        store=services.store,
        attachments=services.attachments,
        catalogue=services.catalogue,
        directory=services.directory,
        messenger=services.messenger,
        invitations=keys.invitations,
        seal=keys.seal,
        base_url=services.settings.base_url,
        clock=services.clock,
    )
    forgetting = forgetting_policy(
        services.store,
        services.attachments,
        InspectionRemains(services.store, services.settings.recordings, services.settings.derived),
        EdgeMemory(services.database, services.store.vault, services.messenger),
    )
    policies = [*POLICIES, *news, *inspecting, forgetting]
    return PolicyRunner(services.store, services.dispatcher, policies, tracking=stores.tracking)


async def _plane(settings: Settings, stack: AsyncExitStack) -> MediaPlane:
    told = [a.strip() for a in settings.media_addresses.split(",") if a.strip()]
    try:
        plane = await MediaPlane.start(
            bind=settings.media_host, port=settings.media_port, advertise=told or local_addresses()
        )
    except OSError as error:
        address = f"{settings.media_host}:{settings.media_port}/udp"
        raise PortError("PEIBAN_MEDIA_PORT", address, error.strerror or str(error)) from error
    stack.push_async_callback(plane.close)
    return plane


def _messenger(settings: Settings, edge: EdgeDatabase, keys: Keys, *, demo: bool) -> Messenger:
    if settings.sms_url and not demo:
        return GatewayMessenger(settings.sms_url, settings.sms_token)
    return OutboxMessenger(edge, keys.edge, now)


async def _keep(stack: AsyncExitStack, work: Callable[[], Coroutine[None, None, None]], name: str) -> None:
    """Runs until the service closes; what fails, a database that went away for one, is begun again."""

    async def keep() -> None:
        while True:
            try:
                await work()
            except RecordUnavailableError:
                log.warning("waits for the database", extra={"task": name})
                await asyncio.sleep(_BEGIN_AGAIN_SECONDS)
            except Exception:
                log.exception("begun again", extra={"task": name})
                await asyncio.sleep(_BEGIN_AGAIN_SECONDS)

    task = asyncio.create_task(keep(), name=name)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
