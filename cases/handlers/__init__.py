"""What each command does, by noun; `case_handlers` puts them together."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid4

from cases import commands as c
from cases.calendar import Calendar, mainland
from cases.complaint import ComplaintPeriods
from cases.directory import Directory
from cases.dispatch import Handlers
from cases.handlers.accompanying import Accompanying
from cases.handlers.complaints import Complaints
from cases.handlers.erasure import Erasures, approve_erasure, complete_erasure, decline_erasure
from cases.handlers.filing import Filing
from cases.handlers.holds import decline_hold_release, place_hold, release_hold, request_hold_release
from cases.handlers.offices import appoint_staff, establish_office, name_deputy, set_duty
from cases.handlers.review import Review
from cases.intake import StagedFiles


def case_handlers(
    directory: Directory,
    staged: StagedFiles,
    *,
    calendar: Calendar | None = None,
    periods: ComplaintPeriods | None = None,
    new_id: Callable[[], UUID] = uuid4,
) -> Handlers:
    """calendar: mainland China's when not given. new_id: where the ids of new cases and erasures come from."""
    calendar = calendar or mainland()
    filing = Filing(directory, staged, new_id)
    accompanying = Accompanying(directory)
    review = Review(calendar)
    complaints = Complaints(directory, calendar, periods or ComplaintPeriods())
    return Handlers(
        {
            c.SubmitApplication: filing.submit,
            c.SupplementCase: filing.supplement,
            c.WithdrawCase: filing.withdraw,
            c.IssueGapNotice: review.issue_gap_notice,
            c.AcceptCase: review.accept,
            c.RefuseAcceptance: review.refuse_acceptance,
            c.NoteInspection: review.note_inspection,
            c.DecideCase: review.decide,
            c.RequestHandover: accompanying.request_handover,
            c.AcceptHandover: accompanying.accept_handover,
            c.DeclineHandover: accompanying.decline_handover,
            c.WithdrawHandover: accompanying.withdraw_handover,
            c.OpenReturnVisit: accompanying.open_return_visit,
            c.CloseReturnVisit: accompanying.close_return_visit,
            c.EvaluateCase: complaints.evaluate,
            c.OpenComplaint: complaints.open,
            c.AnswerComplaint: complaints.answer,
            c.RecordCallback: complaints.record_callback,
            c.DecideComplaint: complaints.decide,
            c.EstablishOffice: establish_office,
            c.AppointStaff: appoint_staff,
            c.SetDuty: set_duty,
            c.NameDeputy: name_deputy,
            c.RequestErasure: Erasures(new_id).request,
            c.ApproveErasure: approve_erasure,
            c.DeclineErasure: decline_erasure,
            c.CompleteErasure: complete_erasure,
            c.PlaceHold: place_hold,
            c.RequestHoldRelease: request_hold_release,
            c.ReleaseHold: release_hold,
            c.DeclineHoldRelease: decline_hold_release,
        }
    )
