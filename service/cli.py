"""The command `peiban`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from service.config import SettingError, Settings, describe


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    run: Callable[[Settings, argparse.Namespace], int] = options.run
    try:
        return run(Settings.read(), options)
    except SettingError as error:
        print(f"peiban: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:  # a mistake of ours, which wants its trace
            raise
        print(f"peiban: {sentence}", file=sys.stderr)
        return 3


def _sentence(error: Exception) -> str | None:
    """What to tell whoever typed the command; None for what nobody could have caused from outside."""
    import asyncpg  # noqa: PLC0415 -- `peiban settings` needs none of these

    from eventstore.errors import EventStoreError, RecordUnavailableError  # noqa: PLC0415
    from projections.errors import ProjectionError  # noqa: PLC0415
    from service.errors import StartError  # noqa: PLC0415

    match error:
        case RecordUnavailableError():
            return (
                "数据库无法连接，请检查它是否在运行，以及 PEIBAN_DATABASE_URL 和 "
                "PEIBAN_SERVICE_DATABASE_URL 是否正确。 "
                "The database cannot be reached: check that it runs, and PEIBAN_DATABASE_URL and "
                f"PEIBAN_SERVICE_DATABASE_URL. [{_cause(error)}]"
            )
        case EventStoreError() | ProjectionError() | StartError():
            return str(error)
        case asyncpg.UndefinedTableError():
            return f"数据库尚未初始化，请先运行 peiban migrate。 The database is empty: run `peiban migrate`. [{error}]"
        case asyncpg.PostgresError() | asyncpg.InterfaceError():
            return f"数据库拒绝了这项操作。 The database refused this. [{type(error).__name__}: {error}]"
        case OSError():
            detail = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
            return (
                "文件无法读写，请检查 PEIBAN_DATA_DIR 的权限和剩余空间。 "
                f"A file cannot be read or written: check rights and free space of PEIBAN_DATA_DIR. [{detail}]"
            )
    return None


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="peiban",
        description="Peiban 陪办: one person stays with every matter; premises are inspected by live video.",
        epilog=(
            "Settings are PEIBAN_* variables; `peiban settings` lists them. Exit codes: 0 done, 1 something in the "
            "record does not hold, 2 a wrong command or setting, 3 it could not be carried out."
        ),
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="start everything with a demonstration office and print logins")
    demo.add_argument("--end-with-parent", action="store_true", help="stop when the process that started this one ends")
    demo.set_defaults(run=_demo)

    serve = commands.add_parser("serve", help="run the service")
    serve.set_defaults(run=_serve)

    migrate = commands.add_parser("migrate", help="bring the database up to date, as its owner")
    migrate.set_defaults(run=_migrate)

    rebuild = commands.add_parser("rebuild", help="compute projections anew from the record, beside the live ones")
    rebuild.add_argument("name", nargs="*", help="projections to rebuild; without a name, all of them")
    rebuild.set_defaults(run=_rebuild)

    verify = commands.add_parser("verify", help="check the whole record and the recordings, name the first bad place")
    verify.add_argument("file", nargs="?", type=Path, help="an exported record or a receipt instead; needs no database")
    verify.add_argument("--key", default="", metavar="VKEY", help="the key that should have signed the file")
    verify.add_argument(
        "--checkpoint",
        type=Path,
        metavar="NOTE",
        help="one from elsewhere that the file must not fall short of",
    )
    verify.set_defaults(run=_verify)

    export = commands.add_parser("export", help="write the whole record into a file that anybody can verify")
    export.add_argument("file", type=Path)
    export.set_defaults(run=_export)

    prove = commands.add_parser("prove", help="write a receipt: one event and its way to a signed checkpoint")
    prove.add_argument("position", type=int)
    prove.add_argument("file", nargs="?", type=Path, help="without it, receipt-POSITION.json")
    prove.set_defaults(run=_prove)

    settings = commands.add_parser("settings", help="list the settings with the values in force")
    settings.set_defaults(run=_settings)
    return parser


def _demo(settings: Settings, options: argparse.Namespace) -> int:
    from service.demo import run_demo  # noqa: PLC0415 -- `peiban settings` should not load the whole service

    return run_demo(settings, end_with_parent=options.end_with_parent)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    from service.serve import run_service  # noqa: PLC0415 -- as above

    return run_service(settings)


def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    from service.database import open_database  # noqa: PLC0415 -- as above

    with open_database(settings) as database:
        applied = asyncio.run(database.migrate(keep_password=True))
    print("\n".join(applied) if applied else "The database is up to date.")
    return 0


def _rebuild(settings: Settings, options: argparse.Namespace) -> int:
    from service.upkeep import run_rebuild  # noqa: PLC0415 -- as above

    return run_rebuild(settings, options.name)


def _verify(settings: Settings, options: argparse.Namespace) -> int:
    from service.proof import run_verify_file  # noqa: PLC0415 -- as above
    from service.upkeep import run_verify  # noqa: PLC0415 -- as above

    if options.file is not None:
        return run_verify_file(options.file, options.key, options.checkpoint)
    if options.key or options.checkpoint:  # never let somebody believe that it was held against them
        raise SettingError("--key 和 --checkpoint 须与文件一起使用。 --key and --checkpoint go with a FILE.")
    return run_verify(settings)


def _export(settings: Settings, options: argparse.Namespace) -> int:
    from service.proof import run_export  # noqa: PLC0415 -- as above

    return run_export(settings, options.file)


def _prove(settings: Settings, options: argparse.Namespace) -> int:
    from service.proof import run_prove  # noqa: PLC0415 -- as above

    return run_prove(settings, options.position, options.file)


def _settings(settings: Settings, options: argparse.Namespace) -> int:
    lines = describe(settings)
    width = max(len(name) for name, _, _ in lines)
    for name, value, meaning in lines:
        print(f"{name:<{width}}  {value}\n{'':<{width}}  {meaning}")
    return 0
