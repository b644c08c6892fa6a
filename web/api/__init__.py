"""All routes under /api/v1, one module per noun."""

from web.api import (
    attachments,
    cases,
    complaints,
    erasures,
    evidence,
    inspections,
    invitations,
    items,
    log,
    outbox,
    oversight,
    room,
    session,
    visits,
    waiting,
)
from web.routing import Route

# Fixed paths come before patterns that would also fit them.
ROUTES: tuple[Route, ...] = tuple(
    route
    for noun in (
        session,
        items,
        attachments,
        oversight,
        cases,
        visits,
        waiting,
        inspections,
        evidence,
        room,
        invitations,
        complaints,
        erasures,
        outbox,
        log,
    )
    for route in noun.routes
)
