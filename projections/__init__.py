"""Read models: what pages show, told from the record and kept up to date. Each can be dropped and rebuilt."""

from collections.abc import Mapping
from types import MappingProxyType

from projections.agenda import Agenda
from projections.complaints import Complaints
from projections.erasures import Erasures
from projections.errors import ProjectionError, RebuildRunningError
from projections.people import People
from projections.progress import Progress
from projections.rebuild import rebuild
from projections.runner import Failure, ProjectionStatus, Runner, open_pool
from projections.timeline import Timeline
from projections.tracking import MIGRATIONS, Projection

PROJECTIONS: Mapping[str, Projection] = MappingProxyType(
    {p.name: p for p in (Progress(), Agenda(), Timeline(), Complaints(), People(), Erasures())}
)

__all__ = [
    "MIGRATIONS",
    "PROJECTIONS",
    "Failure",
    "Projection",
    "ProjectionError",
    "ProjectionStatus",
    "RebuildRunningError",
    "Runner",
    "open_pool",
    "rebuild",
]
