"""Schedules: make, edit as of now, read, and who is on call when."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated

from django.core.exceptions import ValidationError
from django.db.models.functions import Lower
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from incidents.api import doors
from incidents.api.bodies import Body, Email, Moment, Name, OneLine, OneOf, Slug
from incidents.api.catalog import team_named
from incidents.api.doors import ApiRequest
from incidents.api.lists import Listing, Window, piece
from incidents.models import Scope, User
from incidents.models.people import validate_time_zone
from incidents.refusals import Invalid
from oncall import anchors, changes, concerns, rosters, rota, scheduling
from oncall.models import Layer, Schedule, Unit

router = Router(tags=["schedules"])

LONGEST_LOOK = timedelta(days=400)
WALL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"

Zone = Annotated[OneLine, Field(max_length=64, examples=["Europe/Berlin"])]
Clock = Annotated[str, Field(pattern=CLOCK, examples=["22:00"])]
Together = Annotated[list[Email], Field(min_length=1, max_length=50)]


class RestrictionShape(Body):
    """A weekly window in which a layer is in force; it ends on the next day unless the end is later than the start."""

    weekday: Annotated[int, Field(ge=0, le=6, description="The day on which it starts; Monday is 0.")]
    start: Clock
    end: Clock


class LayerShape(Body):
    """A rotation: people in turns of a fixed length. Of two layers the larger priority wins."""

    name: Name
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    time_zone: Zone | None = Field(default=None, description="Null = the schedule's.")
    anchor: Annotated[str, Field(pattern=WALL, examples=["2026-03-02T09:00"])] = Field(
        description="A handoff on the layer's wall clock."
    )
    unit: Annotated[str, OneOf(Unit)]
    length: Annotated[int, Field(ge=1, le=1000)] = 1
    participants: Annotated[list[Together], Field(min_length=1, max_length=500)] = Field(
        description="In the order of their turns; people of one inner list are on call together."
    )
    restrictions: Annotated[list[RestrictionShape], Field(max_length=200)] = []
    effective_from: Moment | None = None
    effective_until: Moment | None = None


Layers = Annotated[list[LayerShape], Field(max_length=100)]


class NewSchedule(Body):
    """A schedule to be made."""

    slug: Slug
    name: Name
    team: Slug
    time_zone: Zone = "UTC"
    answers_for_team: bool = Field(default=True, description="The shipped policies page it for the team's services.")
    layers: Layers = []


class ScheduleChange(Body):
    """What is to be different from now on; what is left out stays."""

    name: Name | None = None
    time_zone: Zone | None = None
    answers_for_team: bool | None = None
    active: bool | None = Field(default=None, description="A retired schedule pages nobody.")
    layers: Layers | None = Field(default=None, description="All of them: one that is left out ends now.")
    empty: bool = Field(
        default=False, description="Needed to end all layers with an empty list: nobody is on call then."
    )


class Wanted(Body):
    """All layers of a schedule as they would be."""

    layers: Layers


class Moved(BaseModel):
    """A time in which other people would be on call than now."""

    start: Moment
    end: Moment
    before: list[str]
    after: list[str]


class PreviewShape(BaseModel):
    """What an edit would change in the next four weeks, and what looks wrong in it, in words."""

    changes: list[Moved]
    concerns: list[str]


class ScheduleShape(BaseModel):
    """A rotation that a team runs, with its layers as they are meant from now on, the most important first."""

    slug: str
    name: str
    team: str
    time_zone: str
    answers_for_team: bool
    active: bool
    layers: list[LayerShape]


class Duty(BaseModel):
    """A person on call, and why."""

    email: str
    name: str
    layer: str = Field(description="Empty: put there by an override alone.")
    override: int | None
    until: Moment | None = Field(description="When they cease to be on call; null = not within a year.")


class OnCallShape(BaseModel):
    """Who is on call at an instant; nobody = a gap."""

    at: Moment
    people: list[Duty]


class Stretch(BaseModel):
    """A time in which the same people are on call."""

    start: Moment
    end: Moment
    people: list[str]


class Gap(BaseModel):
    """A time in which nobody is on call."""

    start: Moment
    end: Moment


class FinalSchedule(BaseModel):
    """Who is on call when; adjacent equal stretches are merged."""

    items: list[Stretch]
    gaps: list[Gap]


class Instant(BaseModel):
    """When."""

    at: Moment | None = Field(default=None, description="Null = now.")


class Range(BaseModel):
    """From when to when, the end not included."""

    start: Moment = Field(alias="from")
    end: Moment = Field(alias="to")


@router.post("/schedules", response={201: ScheduleShape}, summary="Make a schedule")
def create_schedule(request: ApiRequest, said: NewSchedule) -> Status[ScheduleShape]:
    """For administrators and the team's managers."""
    doors.require_scope(request, Scope.WRITE)
    team = team_named(said.team)
    doors.require_manager(request, team)
    schedule = Schedule(
        slug=said.slug,
        name=said.name,
        team=team,
        time_zone=_zone(said.time_zone, "time_zone"),
        answers_for_team=said.answers_for_team,
    )
    scheduling.create(schedule, turns_of(said.layers, said.time_zone))
    return Status(201, shape(schedule, scheduling.layers_from(schedule, request.at)))


@router.patch("/schedules/{slug}", response=ScheduleShape, summary="Edit a schedule as of now")
def edit_schedule(request: ApiRequest, slug: str, said: ScheduleChange) -> ScheduleShape:
    """The past stays, and a layer that keeps its anchor keeps its current turn to the end."""
    doors.require_scope(request, Scope.WRITE)
    schedule = Schedule.objects.select_related("team").get(slug=slug)
    doors.require_manager(request, schedule.team)
    zone = _zone(said.time_zone or schedule.time_zone, "time_zone")
    if said.layers == [] and not said.empty:
        raise Invalid("layers", "Without layers nobody is on call. If that is meant, send “empty”: true as well.")
    layers = None if said.layers is None else turns_of(said.layers, zone)
    wanted = said.model_dump(exclude={"layers", "active", "empty"}, exclude_none=True)
    if said.active is not None:
        wanted["is_active"] = said.active
    schedule = scheduling.edit(schedule, at=request.at, layers=layers, **wanted)
    return shape(schedule, scheduling.layers_from(schedule, request.at))


@router.post("/schedules/{slug}/preview", response=PreviewShape, summary="See what an edit of the layers would change")
def preview_schedule(request: ApiRequest, slug: str, said: Wanted) -> PreviewShape:
    """For everybody; nothing is saved."""
    schedule = Schedule.objects.get(slug=slug)
    layers = turns_of(said.layers, schedule.time_zone)
    before, after = scheduling.imagined(schedule, layers, at=request.at)
    found = changes.between(before, after, request.at, request.at + scheduling.AHEAD)
    emails = _emails({person for each in found for person in (*each.before, *each.after)})
    return PreviewShape(
        changes=[
            Moved(
                start=each.start,
                end=each.end,
                before=[emails[person] for person in each.before],
                after=[emails[person] for person in each.after],
            )
            for each in found
        ],
        concerns=concerns.of(after, layers, at=request.at),
    )


@router.get("/schedules", response=Listing[ScheduleShape], summary="List the schedules")
def list_schedules(request: ApiRequest, window: Query[Window]) -> Listing[ScheduleShape]:
    """In the order in which they were made, retired ones included."""
    rows = Schedule.objects.select_related("team").prefetch_related("layers__people__user", "layers__restrictions")
    return piece(request, rows, window, lambda row: shape(row, scheduling.meant(row.layers.all(), request.at)))


@router.get("/schedules/{slug}", response=ScheduleShape, summary="Read one schedule")
def get_schedule(request: ApiRequest, slug: str) -> ScheduleShape:
    """Its layers can be changed and sent back with PATCH."""
    schedule = Schedule.objects.select_related("team").get(slug=slug)
    return shape(schedule, scheduling.layers_from(schedule, request.at))


@router.get("/schedules/{slug}/oncall", response=OnCallShape, summary="Who is on call")
def get_on_call(request: ApiRequest, slug: str, when: Query[Instant]) -> OnCallShape:
    """At an instant, or now; from the same function that the pager asks."""
    at = when.at or request.at
    roster = _roster(Schedule.objects.get(slug=slug))
    found = rota.on_call(roster, at) if roster else ()
    people = User.objects.in_bulk([each.person for each in found])
    duties = [
        Duty(
            email=people[each.person].email,
            name=str(people[each.person]),
            layer=each.layer_name,
            override=each.override,
            until=each.until,
        )
        for each in found
    ]
    return OnCallShape(at=at, people=duties)


@router.get("/schedules/{slug}/final", response=FinalSchedule, summary="Who is on call when")
def get_final(request: ApiRequest, slug: str, span: Query[Range]) -> FinalSchedule:
    """The stretches and the gaps between two instants, 400 days apart at most."""
    start, end = bounded(span)
    roster = _roster(Schedule.objects.get(slug=slug))
    pieces = rota.final(roster, start, end) if roster else (rota.Piece(start, end, ()),)
    emails = _emails({person for each in pieces for person in each.people})
    return FinalSchedule(
        items=[
            Stretch(start=each.start, end=each.end, people=[emails[person] for person in each.people])
            for each in pieces
            if each.people
        ],
        gaps=[Gap(start=each.start, end=each.end) for each in rota.gaps(pieces)],
    )


def bounded(span: Range) -> tuple[datetime, datetime]:
    """The start and the end of a range that can be looked at.

    Raises:
        Invalid: it is empty or longer than 400 days.
    """
    if not timedelta(0) < span.end - span.start <= LONGEST_LOOK:
        raise Invalid("to", f"Choose an end after the start, {LONGEST_LOOK.days} days later at most.")
    return span.start, span.end


def shape(schedule: Schedule, layers: Iterable[Layer]) -> ScheduleShape:
    """A schedule as the API shows it; its team is loaded, the layers with people and restrictions."""
    return ScheduleShape(
        slug=schedule.slug,
        name=schedule.name,
        team=schedule.team.slug,
        time_zone=schedule.time_zone,
        answers_for_team=schedule.answers_for_team,
        active=schedule.is_active,
        layers=[_layer_shape(layer) for layer in layers],
    )


def _layer_shape(layer: Layer) -> LayerShape:
    slots: dict[int, list[str]] = {}
    for row in sorted(layer.people.all(), key=lambda row: (row.slot, row.pk)):
        slots.setdefault(row.slot, []).append(row.user.email)
    windows = sorted(layer.restrictions.all(), key=lambda row: row.pk)
    return LayerShape.model_construct(
        name=layer.name,
        priority=layer.priority,
        time_zone=layer.time_zone,
        anchor=layer.anchor,
        unit=layer.unit,
        length=layer.length,
        participants=[people for _, people in sorted(slots.items())],
        restrictions=[
            RestrictionShape.model_construct(
                weekday=row.weekday, start=row.start.strftime("%H:%M"), end=row.end.strftime("%H:%M")
            )
            for row in windows
        ],
        effective_from=layer.effective_from,
        effective_until=layer.effective_until,
    )


def turns_of(layers: Sequence[LayerShape], time_zone: str) -> list[scheduling.Turns]:
    """The layers that a body describes.

    Raises:
        Invalid: a time zone, a wall-clock time or a person that is not known; the path of the field is named.
    """
    people = _people([email for layer in layers for together in layer.participants for email in together])
    return [_turns(layer, f"layers.{place}", time_zone, people) for place, layer in enumerate(layers)]


def _turns(layer: LayerShape, path: str, time_zone: str, people: Mapping[str, int]) -> scheduling.Turns:
    zone = _zone(layer.time_zone or time_zone, f"{path}.time_zone")
    try:
        anchor = anchors.read(layer.anchor, zone)
    except Invalid as refused:
        raise Invalid(f"{path}.anchor", str(refused)) from None
    if layer.effective_from and layer.effective_until and layer.effective_until <= layer.effective_from:
        raise Invalid(f"{path}.effective_until", "The layer must end after it begins.")
    return scheduling.Turns(
        name=layer.name,
        priority=layer.priority,
        time_zone=zone,
        anchor=anchor.text,
        unit=layer.unit,
        length=layer.length,
        slots=tuple(
            _slot(together, f"{path}.participants.{place}", people) for place, together in enumerate(layer.participants)
        ),
        restrictions=tuple(
            (row.weekday, time.fromisoformat(row.start), time.fromisoformat(row.end)) for row in layer.restrictions
        ),
        effective_from=layer.effective_from,
        effective_until=layer.effective_until,
    )


def _slot(together: Sequence[str], path: str, people: Mapping[str, int]) -> tuple[int, ...]:
    slot: list[int] = []
    for place, email in enumerate(together):
        person = people.get(email.lower())
        if person is None:
            raise Invalid(f"{path}.{place}", f"There is no active person with the address {email}.")
        if person in slot:
            raise Invalid(f"{path}.{place}", f"{email} is in this turn already.")
        slot.append(person)
    return tuple(slot)


def _people(emails: Sequence[str]) -> dict[str, int]:
    wanted = {email.lower() for email in emails}
    rows = User.objects.filter(is_active=True).annotate(low=Lower("email")).filter(low__in=wanted)
    return dict(rows.values_list("low", "pk"))


def _emails(ids: set[int]) -> dict[int, str]:
    return dict(User.objects.filter(pk__in=ids).values_list("pk", "email"))


def _zone(name: str, field: str) -> str:
    try:
        validate_time_zone(name)
    except ValidationError as refused:
        raise Invalid(field, str(refused.message)) from None
    return name


def _roster(schedule: Schedule) -> rota.Schedule | None:
    """The schedule as the rota reads it; None = it is retired."""
    return rosters.load([schedule.pk]).get(schedule.pk)
