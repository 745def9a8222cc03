"""Swaps and leave: who stands in for whom, and who is away."""

from typing import Annotated

from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents.api import bodies, doors
from incidents.api.bodies import Body, Email, Moment, OneOf, Slug
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece, whole
from incidents.models import Scope, User
from incidents.refusals import NotAllowed
from oncall import absences, rosters, rota, swapping
from oncall.api.overrides import Reason, Within, touching
from oncall.api.schedules import Range, bounded
from oncall.models import Leave, Schedule, Swap, SwapState

router = Router(tags=["schedules"])


class NewSwap(Body):
    """One's own shift, or a part of it, for somebody else to take."""

    start: Moment
    end: Moment
    asked: Email | None = Field(default=None, description="Who is asked; null = anyone of the schedule.")
    note: Reason = ""


class SwapShape(BaseModel):
    """A request and what became of it. ``override``: the number of the override that a taken one made."""

    id: int
    schedule: str
    start: Moment
    end: Moment
    state: Annotated[str, OneOf(SwapState)]
    asked_by: str
    asked: str | None
    note: str
    asked_at: Moment
    expires_at: Moment
    taken_by: str | None
    settled_at: Moment | None
    override: int | None


class Which(BaseModel):
    """Only requests in this state; null = all."""

    state: Annotated[str, OneOf(SwapState)] | None = None


class NewLeave(Body):
    """A time in which a person is away. It takes nobody off a rota: their shifts in it need cover."""

    start: Moment
    end: Moment
    reason: Reason = ""


class LeaveShape(BaseModel):
    """Leave, the end not included. The reason is for the person, their managers and administrators; others get null."""

    id: int
    person: str
    start: Moment
    end: Moment
    reason: str | None


class NeedShape(BaseModel):
    """A time in which a person is on call and away. ``nobody_else``: there is nobody with them who is not away too."""

    start: Moment
    end: Moment
    person: str
    nobody_else: bool


@router.post("/schedules/{slug}/swaps", response={201: SwapShape}, summary="Ask somebody to take your shift")
def create_swap(request: ApiRequest, slug: Slug, said: NewSwap) -> Status[SwapShape]:
    """The shift stays yours until somebody takes it; it expires when the shift begins."""
    doors.require_scope(request, Scope.WRITE)
    schedule = Schedule.objects.select_related("team").get(slug=slug)
    asked = bodies.person(said.asked, "asked") if said.asked else None
    swap = swapping.ask(
        schedule, start=said.start, end=said.end, by=request.user, at=request.at, asked=asked, note=said.note
    )
    return Status(201, swap_shape(_swap(swap.pk)))


@router.get("/schedules/{slug}/swaps", response=Listing[SwapShape], summary="List the swaps of a schedule")
def list_swaps(
    request: ApiRequest, slug: Slug, which: Query[Which], within: Query[Within], window: Query[Window]
) -> Listing[SwapShape]:
    """In the order in which they were asked."""
    rows = Swap.objects.filter(schedule=Schedule.objects.get(slug=slug))
    if which.state:
        rows = rows.filter(state=which.state)
    rows = touching(rows.select_related("schedule", "asked_by", "asked", "taken_by", "override"), within)
    return piece(request, rows, window, swap_shape)


@router.get("/swaps/{number}", response=SwapShape, summary="Read one swap")
def get_swap(request: ApiRequest, number: int) -> SwapShape:
    """For everybody."""
    return swap_shape(_swap(number))


@router.post("/swaps/{number}/take", response=SwapShape, summary="Take the shift")
def take_swap(request: ApiRequest, number: int) -> SwapShape:
    """For those who take turns in the schedule or are of its team; 409 where somebody was faster."""
    doors.require_scope(request, Scope.WRITE)
    swapping.take(_swap(number), by=request.user, at=request.at)
    return swap_shape(_swap(number))


@router.post("/swaps/{number}/cancel", response=SwapShape, summary="Withdraw a request, or decline it")
def cancel_swap(request: ApiRequest, number: int) -> SwapShape:
    """For who asked, who was asked by name, and administrators."""
    doors.require_scope(request, Scope.WRITE)
    swap = _swap(number)
    if request.user.pk not in {swap.asked_by_id, swap.asked_id} and request.user.is_administrator:
        doors.require_scope(request, Scope.ADMIN)
    swapping.cancel(swap, by=request.user, at=request.at)
    return swap_shape(_swap(number))


@router.post("/users/{email}/leave", response={201: LeaveShape}, summary="Say that a person is away")
def create_leave(request: ApiRequest, email: str, said: NewLeave) -> Status[LeaveShape]:
    """For the person, the managers of their teams and administrators."""
    person = _whose(request, email)
    leave = absences.take_leave(
        person, start=said.start, end=said.end, by=request.user, at=request.at, reason=said.reason
    )
    return Status(201, leave_shape(leave, with_reason=True))


@router.get("/users/{email}/leave", response=Listing[LeaveShape], summary="List a person's leave")
def list_leave(request: ApiRequest, email: str, within: Query[Within], window: Query[Window]) -> Listing[LeaveShape]:
    """By its start, past leave included."""
    person = User.objects.get(email__iexact=email)
    with_reason = absences.may_see_reason(person, request.user)
    rows = touching(Leave.objects.filter(person=person).select_related("person"), within)
    return piece(request, rows, window, lambda row: leave_shape(row, with_reason=with_reason), by=("start", "pk"))


@router.delete("/users/{email}/leave/{number}", response={200: LeaveShape, 204: None}, summary="End leave")
def delete_leave(request: ApiRequest, email: str, number: int) -> Status[LeaveShape | None]:
    """Leave that runs ends now and is answered; leave to come is gone (204); leave that is over stays (409)."""
    person = _whose(request, email)
    kept = absences.cancel_leave(Leave.objects.get(pk=number, person=person), by=request.user, at=request.at)
    return Status(200, leave_shape(kept, with_reason=True)) if kept else Status(204, None)


@router.get("/schedules/{slug}/needs", response=Listing[NeedShape], summary="Shifts that somebody must cover")
def list_needs(request: ApiRequest, slug: Slug, span: Query[Range]) -> Listing[NeedShape]:
    """Where somebody is on call and on leave, between two instants 400 days apart at most."""
    start, end = bounded(span)
    found = []
    for one in rosters.load([Schedule.objects.get(slug=slug).pk]).values():
        found = absences.in_need(rota.final(one, start, end), absences.leave_of(rota.members(one), start, end))
    emails = dict(User.objects.filter(pk__in={need.person for need in found}).values_list("pk", "email"))
    return whole(
        [
            NeedShape(start=need.start, end=need.end, person=emails[need.person], nobody_else=need.alone)
            for need in found
        ]
    )


def swap_shape(swap: Swap) -> SwapShape:
    """A swap as the API shows it; its people, its schedule and its override are loaded."""
    override = getattr(swap, "override", None)
    return SwapShape(
        id=swap.pk,
        schedule=swap.schedule.slug,
        start=swap.start,
        end=swap.end,
        state=swap.state,
        asked_by=swap.asked_by.email,
        asked=swap.asked.email if swap.asked else None,
        note=swap.note,
        asked_at=swap.asked_at,
        expires_at=swap.expires_at,
        taken_by=swap.taken_by.email if swap.taken_by else None,
        settled_at=swap.settled_at,
        override=override.pk if override else None,
    )


def leave_shape(leave: Leave, *, with_reason: bool) -> LeaveShape:
    """Leave as the API shows it; the person is loaded."""
    return LeaveShape(
        id=leave.pk,
        person=leave.person.email,
        start=leave.start,
        end=leave.end,
        reason=leave.reason if with_reason else None,
    )


def _swap(number: int) -> Swap:
    return Swap.objects.select_related("schedule", "asked_by", "asked", "taken_by", "override").get(pk=number)


def _whose(request: ApiRequest, email: str) -> User:
    """The person whose leave it is.

    Raises:
        NotAllowed: it is neither one's own affair nor that of a manager or of an administrator with an admin token.
        User.DoesNotExist: there is none.
    """
    doors.require_scope(request, Scope.WRITE)
    person = User.objects.get(email__iexact=email)
    if request.user.is_administrator and request.user != person:
        doors.require_scope(request, Scope.ADMIN)
    if not absences.may_see_reason(person, request.user):
        raise NotAllowed(f"Only {person}, a manager of their team or an administrator may do this.")
    return person
