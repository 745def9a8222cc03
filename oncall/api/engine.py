"""How the engine does, and sending by hand what failed or is held."""

from typing import Annotated, Any

from django.db.models import QuerySet
from ninja import Router
from pydantic import BaseModel

from incidents import due, pulse
from incidents.api.bodies import Moment, OneOf
from incidents.api.doors import ApiRequest, require_scope
from incidents.models import Incident, Scope
from incidents.refusals import NotAllowed
from oncall import overseeing, retrying
from oncall.models import Channel, Delivery, DeliveryState

router = Router(tags=["engine"])


class BacklogShape(BaseModel):
    """Rows of a source that are due now; ``oldest`` null = nothing is, or its wait is no lateness."""

    source: str
    count: int
    oldest: Moment | None


class MessageShape(BaseModel):
    """A message in trouble. ``incident`` is a number; null = it is about something else."""

    id: int
    person: str | None
    channel: Annotated[str, OneOf(Channel)]
    state: Annotated[str, OneOf(DeliveryState)]
    incident: int | None
    error: str
    created_at: Moment
    not_before: Moment


class RestShape(BaseModel):
    """A row that failed and is tried again at ``not_before``."""

    what: str
    incident: int | None
    attempts: int
    last_error: str
    not_before: Moment | None


class ProviderShape(BaseModel):
    """A provider; while ``rests_until`` lies ahead it is not asked."""

    name: str
    failures: int
    rests_until: Moment | None
    last_error: str


class EngineShape(BaseModel):
    """Seconds are of the database's clock; ``troubles`` empty = pages go out."""

    last_tick_seconds_ago: float | None
    oldest_due_seconds: float
    troubles: list[str]
    waiting: int
    backlog: list[BacklogShape]
    failed: list[MessageShape]
    held: list[MessageShape]
    resting: list[RestShape]
    providers: list[ProviderShape]


@router.get("/engine", response=EngineShape, summary="How the engine does")
def engine(request: ApiRequest) -> Any:
    """For administrators and managers of teams; the latter see messages and failures of incidents they may see.

    Of each list the first 25, failed messages of the last 24 hours alone.
    """
    _require_overseer(request)
    told = pulse.read()
    return {
        "last_tick_seconds_ago": told.silence,
        "oldest_due_seconds": told.late_seconds,
        "troubles": pulse.troubles(),
        "waiting": overseeing.count_waiting(told.at),
        "backlog": [
            {"source": one.name, "count": one.count, "oldest": one.oldest} for one in overseeing.backlog(told.at)
        ],
        "failed": [_message(one.delivery) for one in overseeing.failed(request.user, told.at).rows],
        "held": [_message(one.delivery) for one in overseeing.held(request.user, told.at).rows],
        "resting": [_rest(one) for one in overseeing.rests(request.user, told.at)],
        "providers": [
            {name: getattr(one, name) for name in ProviderShape.model_fields} for one in overseeing.providers()
        ],
    }


def _rest(one: overseeing.Rest) -> dict[str, Any]:
    return {
        "what": one.what,
        "incident": one.incident.number if one.incident else None,
        "attempts": one.attempts,
        "last_error": one.last_error,
        "not_before": one.not_before,
    }


@router.post("/engine/deliveries/{number}/retry", response=MessageShape, summary="Send a failed message again")
def retry_delivery(request: ApiRequest, number: int) -> dict[str, Any]:
    """A new message to the same person and way; its page or notice must still be wanted."""
    require_scope(request, Scope.WRITE)
    fresh = retrying.retry(_delivery(request, number), by=request.user, at=due.database_now())
    return _message(_loaded().get(pk=fresh.pk))


@router.post("/engine/deliveries/{number}/send-now", response=MessageShape, summary="Let a held message go")
def send_delivery_now(request: ApiRequest, number: int) -> dict[str, Any]:
    """Quiet hours and throttles hold it no longer; a provider that rests still does."""
    require_scope(request, Scope.WRITE)
    row = retrying.send_now(_delivery(request, number), by=request.user, at=due.database_now())
    return _message(_loaded().get(pk=row.pk))


def _require_overseer(request: ApiRequest) -> None:
    if not overseeing.may_see(request.user):
        raise NotAllowed("The engine is for administrators and managers of teams.")


def _loaded() -> QuerySet[Delivery]:
    return Delivery.objects.select_related("page__incident__service", "notice__incident", "person")


def _delivery(request: ApiRequest, number: int) -> Delivery:
    _require_overseer(request)
    rows = _loaded()
    if not request.user.is_administrator:
        rows = rows.filter(page__incident__in=Incident.objects.visible_to(request.user))
    return rows.get(pk=number)


def _message(row: Delivery) -> dict[str, Any]:
    about = row.page.incident if row.page else (row.notice.incident if row.notice else None)
    return {
        "id": row.pk,
        "person": row.person.email if row.person else None,
        "channel": row.channel,
        "state": row.state,
        "incident": about.number if about else None,
        "error": row.error,
        "created_at": row.created_at,
        "not_before": row.not_before,
    }
