"""`peiban rebuild` and `peiban verify`: upkeep beside a running service."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from eventstore import EventStore, VaultKeys
from eventstore.evidence import verify
from inspection.recording.journal import SUFFIX
from inspection.recording.recover import verify as verify_recording
from projections import PROJECTIONS, Projection, rebuild
from service.config import Settings
from service.database import Database, open_database

_BAR = 32


def run_rebuild(settings: Settings, names: Sequence[str]) -> int:
    unknown = sorted(set(names) - PROJECTIONS.keys())
    if unknown:
        print(f"There is no projection {', '.join(unknown)}. There are: {', '.join(PROJECTIONS)}.", file=sys.stderr)
        return 2
    with open_database(settings, attach=True) as database:
        asyncio.run(_rebuild(settings, database, [PROJECTIONS[name] for name in names or PROJECTIONS]))
    return 0


async def _rebuild(settings: Settings, database: Database, projections: Sequence[Projection]) -> None:
    await database.migrate()
    keys = VaultKeys.load_or_create(settings.data_dir / "keys" / "vault.json")
    store = await EventStore.open(database.service_url, keys=keys)
    try:
        for projection in projections:
            count = await rebuild(store, database.owner_url, projection, _bar(projection.name))
            print(f"\r{projection.name:<12} {count} events told, switched over{'':<{_BAR}}")
    finally:
        await store.close()


def _bar(name: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        filled = _BAR * done // total if total else _BAR
        print(f"\r{name:<12} {'█' * filled}{'░' * (_BAR - filled)} {done}/{total}", end="", flush=True)

    return show


def run_verify(settings: Settings) -> int:
    """0 when everything holds; 1 when something does not, which is then named."""
    with open_database(settings, attach=True) as database:
        record = asyncio.run(verify(database.owner_url or database.service_url))
    print(f"record      {record.events} events in {record.streams} streams, head {record.head}")
    bad = record.first_bad is not None
    if record.first_bad is not None:
        print(f"            first bad: {record.first_bad.zh}\n            {record.first_bad.en}")
    journals = sorted((settings.data_dir / "recordings").rglob(f"*{SUFFIX}"))
    for journal in journals:
        report = verify_recording(journal)
        if not report.ok:
            bad = True
            print(f"recording   {journal.name}: {report.bad} at byte {report.bad_offset}")
    print(f"recordings  {len(journals)} journals read")
    print("Something does not hold." if bad else "Everything holds.")
    return int(bad)
