"""`peiban rebuild` and `peiban verify`: upkeep beside a running service."""

from __future__ import annotations

import asyncio
import fcntl
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from cases.erasure import PersonalDataErased
from eventstore import EventStore, VaultKeys
from eventstore.connection import connect
from eventstore.findings import Report
from inspection.events import RecordingSealed
from inspection.recorder import journal_path
from inspection.recording.journal import SUFFIX
from inspection.recording.recover import verify as verify_recording
from projections import PROJECTIONS, Projection, rebuild
from service.config import Settings
from service.database import Database, open_database
from service.proof import BAR, Doubt, bar, verify_with_witnesses

_ERASED = "SELECT state FROM peiban_events WHERE topic = $1"
_SEALED = "SELECT originator_id, state FROM peiban_events WHERE topic = $1 ORDER BY notification_id"


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
            count = await rebuild(store, database.owner_url, projection, bar(projection.name))
            print(f"\r{projection.name:<12} {count} events told, switched over{'':<{BAR}}")
    finally:
        await store.close()


def run_verify(settings: Settings) -> int:
    """0 when everything holds; 1 when something does not, which is then named."""
    with open_database(settings, attach=True) as database:
        record, sealed, doubts = asyncio.run(_read_record(settings, database))
    print(f"record      {record.events} events in {record.streams} streams, head {record.head}")
    if record.first_bad is not None:
        print(f"            first bad: {record.first_bad.place}")
        print(f"            {record.first_bad.zh}\n            {record.first_bad.en}")
    print(f"checkpoints {record.checkpoints} agree with the events")
    for doubt in doubts:
        print(f"            {doubt.words}")
    journals = sorted((settings.data_dir / "recordings").rglob(f"*{SUFFIX}"))
    heads = {journal_path(settings.data_dir / "recordings", *key): head for key, head in sealed.items()}
    found = [(journal.name, why) for journal in journals if (why := _wrong_with(journal, heads.get(journal)))]
    found += [
        (journal.name, "is named in the record, but the file is gone")
        for journal in sorted(heads.keys() - set(journals))
    ]
    for name, why in found:
        print(f"recording   {name}: {why}")
    print(f"recordings  {len(journals)} journals read, {len(heads)} of them sealed in the record")
    bad = record.first_bad is not None or bool(found) or any(doubt.grave for doubt in doubts)
    print("Something does not hold." if bad else "Everything holds.")
    return int(bad)


async def _read_record(
    settings: Settings, database: Database
) -> tuple[Report, dict[tuple[UUID, str, int], str], list[Doubt]]:
    """The report; the head of each sealed recording, (inspection, participant, part) → chain value; doubts."""
    url = database.owner_url or database.service_url
    report, doubts = await verify_with_witnesses(settings, url)
    if report.first_bad is not None:  # then what it says of recordings is not to be relied on
        return report, {}, doubts
    connection = await connect(url)
    try:
        rows = await connection.fetch(_SEALED, RecordingSealed.TOPIC)
        erasures = await connection.fetch(_ERASED, PersonalDataErased.TOPIC)
    finally:
        await connection.close()
    heads: dict[tuple[UUID, str, int], str] = {}
    for row in rows:
        told = json.loads(row["state"])
        heads[UUID(bytes=row["originator_id"].bytes), told["participant"], told["part"]] = told["head"]
    for row in erasures:  # gone by right: two people had it erased, and the record says so
        for part in json.loads(row["state"])["recordings"]:
            heads.pop((UUID(part["inspection"]), part["participant"], part["part"]), None)
    return report, heads, doubts


def _wrong_with(journal: Path, head: str | None) -> str:
    """What does not hold, or nothing. A journal that is being written right now has no end yet, and that is right."""
    report = verify_recording(journal, head)
    if report.ok or (report.bad in (None, "torn") and head is None and _is_being_written(journal)):
        return ""
    if report.bad is not None:
        return f"{report.bad} at byte {report.bad_offset}"
    if not report.sealed:
        return "has no end. If the service was killed, start it once, which closes the journal, and verify again"
    return "does not lead to the value in the record"


def _is_being_written(journal: Path) -> bool:
    """Whoever writes it holds its lock."""
    with journal.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
