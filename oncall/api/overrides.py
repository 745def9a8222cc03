"""Overrides and temporary schedules: who is on call by hand."""

from collections.abc import Mapping
from typing import Annotated

from django.db.models import QuerySet
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents.api import bodies, doors
from incidents.api.bodies import Body, Email, Moment, OneOf, Slug
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Scope, User
from incidents.refusals import Invalid
from oncall import overriding, temporaries
from oncall.models import Override, OverrideKind, Schedule, TemporarySchedule
from oncall.overriding import Wish
from oncall.temporaries import MOST, Fixed

router = Router(tags=["schedules"])

Reason = Annotated[bodies.Text, Field(max_length=200)]


class NewOverride(Body):
    """A change by hand. One that has begun counts from now on; an administrator may correct the past."""

    start: Moment
    end: Moment
    kind: Annotated[str, OneOf(OverrideKind)]
    person: Email = Field(description="Who is added, removed, or takes the place.")
    replaces: Email | None = Field(default=None, description="Whose place: for replace alone.")
    reason: Reason = ""


class OverrideShape(BaseModel):
    """A change by hand, the end not included. ``swap``: the number of the swap that made it."""

    id: int
    start: Moment
    end: Moment
    kind: Annotated[str, OneOf(OverrideKind)]
    person: str
    replaces: str | None
    by: str | None
    reason: str
    swap: int | None


class FixedShape(Body):
    """One person's time in a temporary schedule."""

    person: Email
    start: Moment
    end: Moment


class NewTemporarySchedule(Body):
    """Shifts written down one by one. Between start and end nothing else counts; a time without a shift is a gap."""

    start: Moment
    end: Moment
    reason: Reason = ""
    shifts: Annotated[list[FixedShape], Field(min_length=1, max_length=MOST)]


class TemporaryScheduleShape(BaseModel):
    """A temporary schedule."""

    id: int
    start: Moment
    end: Moment
    reason: str
    by: str | None
    shifts: list[FixedShape]


class Within(BaseModel):
    """Only what touches this range; null = without a border."""

    start: Moment | None = Field(default=None, alias="from")
    end: Moment | None = Field(default=None, alias="to")


@router.post("/schedules/{slug}/overrides", response={201: OverrideShape}, summary="Add, remove or replace a person")
def create_override(request: ApiRequest, slug: Slug, said: NewOverride) -> Status[OverrideShape]:
    """For members of the team and administrators; 409 where another override contradicts it."""
    schedule = to_arrange(request, slug)
    wish = Wish(
        kind=said.kind,
        person=_named(said.person, "person", also_inactive=said.kind == OverrideKind.REMOVE),
        start=said.start,
        end=said.end,
        replaces=_named(said.replaces, "replaces", also_inactive=True) if said.replaces else None,
        reason=said.reason,
    )
    return Status(201, override_shape(overriding.override(schedule, wish, by=request.user, at=request.at)))


@router.get("/schedules/{slug}/overrides", response=Listing[OverrideShape], summary="List the overrides")
def list_overrides(
    request: ApiRequest, slug: Slug, within: Query[Within], window: Query[Window]
) -> Listing[OverrideShape]:
    """In the order in which they act, past ones included."""
    rows = Override.objects.filter(schedule=Schedule.objects.get(slug=slug))
    rows = touching(rows.select_related("person", "replaces", "by"), within)
    return piece(request, rows, window, override_shape)


@router.delete(
    "/schedules/{slug}/overrides/{number}", response={200: OverrideShape, 204: None}, summary="End an override"
)
def delete_override(request: ApiRequest, slug: Slug, number: int) -> Status[OverrideShape | None]:
    """One that runs ends now and is answered; one to come is gone (204); one that is over stays (409)."""
    schedule = to_arrange(request, slug)
    row = Override.objects.get(pk=number, schedule=schedule)
    ended = overriding.lift(row, by=request.user, at=request.at)
    return Status(200, override_shape(ended)) if ended else Status(204, None)


@router.post(
    "/schedules/{slug}/temporary-schedules",
    response={201: TemporaryScheduleShape},
    summary="Write shifts down for a while",
)
def create_temporary_schedule(
    request: ApiRequest, slug: Slug, said: NewTemporarySchedule
) -> Status[TemporaryScheduleShape]:
    """For members of the team and administrators; 409 where another one stands in that time."""
    schedule = to_arrange(request, slug)
    row = temporaries.fix(
        schedule,
        start=said.start,
        end=said.end,
        shifts=_shifts(said),
        by=request.user,
        at=request.at,
        reason=said.reason,
    )
    return Status(201, temporary_shape(_whole(row.pk, schedule)))


@router.get(
    "/schedules/{slug}/temporary-schedules",
    response=Listing[TemporaryScheduleShape],
    summary="List the temporary schedules",
)
def list_temporary_schedules(
    request: ApiRequest, slug: Slug, within: Query[Within], window: Query[Window]
) -> Listing[TemporaryScheduleShape]:
    """In the order in which they were made, past ones included."""
    rows = TemporarySchedule.objects.filter(schedule=Schedule.objects.get(slug=slug))
    rows = touching(rows.select_related("by").prefetch_related("shifts__person"), within)
    return piece(request, rows, window, temporary_shape)


@router.put(
    "/schedules/{slug}/temporary-schedules/{number}",
    response=TemporaryScheduleShape,
    summary="Change a temporary schedule from now on",
)
def change_temporary_schedule(
    request: ApiRequest, slug: Slug, number: int, said: NewTemporarySchedule
) -> TemporaryScheduleShape:
    """What has passed of it stays, as a temporary schedule of its own; the answer is the rest, with a new number."""
    schedule = to_arrange(request, slug)
    row = TemporarySchedule.objects.get(pk=number, schedule=schedule)
    row = temporaries.refix(
        row,
        start=said.start,
        end=said.end,
        shifts=_shifts(said),
        by=request.user,
        at=request.at,
        reason=said.reason,
    )
    return temporary_shape(_whole(row.pk, schedule))


@router.delete(
    "/schedules/{slug}/temporary-schedules/{number}",
    response={200: TemporaryScheduleShape, 204: None},
    summary="End a temporary schedule",
)
def delete_temporary_schedule(request: ApiRequest, slug: Slug, number: int) -> Status[TemporaryScheduleShape | None]:
    """One that runs ends now and is answered; one to come is gone (204); one that is over stays (409)."""
    schedule = to_arrange(request, slug)
    row = TemporarySchedule.objects.get(pk=number, schedule=schedule)
    kept = temporaries.unfix(row, by=request.user, at=request.at)
    return Status(200, temporary_shape(_whole(kept.pk, schedule))) if kept else Status(204, None)


def to_arrange(request: ApiRequest, slug: str) -> Schedule:
    """The schedule for a deed; the deed itself asks whether the person is of its team.

    Raises:
        NotAllowed: the token only reads, or an administrator from outside the team comes without an admin token.
        Schedule.DoesNotExist: there is none.
    """
    doors.require_scope(request, Scope.WRITE)
    schedule = Schedule.objects.select_related("team").get(slug=slug)
    if request.user.is_administrator and not request.user.memberships.filter(team=schedule.team_id).exists():
        doors.require_scope(request, Scope.ADMIN)
    return schedule


def touching(rows: QuerySet, within: Within) -> QuerySet:
    """Those rows with a start and an end that touch the range.

    Raises:
        Invalid: its end is not after its start.
    """
    if within.start and within.end and within.end <= within.start:
        raise Invalid("to", "Choose an end after the start.")
    if within.start:
        rows = rows.filter(end__gt=within.start)
    return rows.filter(start__lt=within.end) if within.end else rows


def override_shape(row: Override) -> OverrideShape:
    """An override as the API shows it; its people are loaded."""
    return OverrideShape(
        id=row.pk,
        start=row.start,
        end=row.end,
        kind=row.kind,
        person=row.person.email,
        replaces=row.replaces.email if row.replaces else None,
        by=row.by.email if row.by else None,
        reason=row.reason,
        swap=row.swap_id,
    )


def temporary_shape(row: TemporarySchedule) -> TemporaryScheduleShape:
    """A temporary schedule as the API shows it; its shifts are loaded with their people."""
    shifts = sorted(row.shifts.all(), key=lambda shift: (shift.start, shift.pk))
    return TemporaryScheduleShape(
        id=row.pk,
        start=row.start,
        end=row.end,
        reason=row.reason,
        by=row.by.email if row.by else None,
        shifts=[
            FixedShape.model_construct(person=shift.person.email, start=shift.start, end=shift.end) for shift in shifts
        ],
    )


def _whole(pk: int, schedule: Schedule) -> TemporarySchedule:
    rows = TemporarySchedule.objects.select_related("by").prefetch_related("shifts__person")
    return rows.get(pk=pk, schedule=schedule)


def _named(email: str, field: str, *, also_inactive: bool) -> User:
    """The person of an address; somebody who left can still be removed or replaced.

    Raises:
        Invalid: there is none.
    """
    if also_inactive and (found := User.objects.filter(email__iexact=email).first()):
        return found
    return bodies.person(email, field)


def _shifts(said: NewTemporarySchedule) -> list[Fixed]:
    wanted = {shift.person.lower() for shift in said.shifts}
    people: Mapping[str, User] = {
        person.email.lower(): person for person in User.objects.filter(is_active=True, email__in=wanted)
    }
    found = []
    for place, shift in enumerate(said.shifts):
        person = people.get(shift.person.lower()) or bodies.person(shift.person, f"shifts.{place}.person")
        found.append(Fixed(person, shift.start, shift.end))
    return found
