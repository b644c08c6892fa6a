"""Return visits at the counter."""

from __future__ import annotations

from cases.commands import CloseReturnVisit
from web.routing import STAFF, Routes

routes = Routes("visits")
routes.command("/visits/{visit_id}/close", CloseReturnVisit, who=STAFF, summary="Close a return visit with its outcome")
