"""How a person wants to be reached: notification rules, quiet hours, the method of last resort."""

from datetime import time, timedelta
from typing import Annotated

from ninja import Router
from pydantic import BaseModel, Field

from incidents.api import doors
from incidents.api.bodies import Body, OneOf, Seconds, seconds
from incidents.api.doors import ApiRequest
from incidents.models import Scope, User
from incidents.refusals import Invalid, NotAllowed
from oncall import wishing
from oncall.models import Band, Channel, ContactMethod, NotificationRule, Reachability

router = Router(tags=["people"])

Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]


class Rule(Body):
    """A way, so long after a page of the band."""

    band: Annotated[str, OneOf(Band)]
    channel: Annotated[str, OneOf(Channel)]
    delay: Seconds = 0


class RuleShape(BaseModel):
    """A way, so long after a page of the band."""

    band: Annotated[str, OneOf(Band)]
    channel: Annotated[str, OneOf(Channel)]
    delay: int


class Reaching(Body):
    """Quiet hours on the person's own clock, and the method of last resort."""

    quiet_from: Clock | None = None
    quiet_until: Clock | None = None
    fallback_method: int | None = Field(default=None, description="Id of a verified contact method; null = the first.")


class ReachingShape(BaseModel):
    """Quiet hours on the person's own clock, and the method of last resort."""

    quiet_from: Clock | None
    quiet_until: Clock | None
    fallback_method: int | None


@router.put("/users/{email}/notification-rules", response=list[RuleShape], summary="Replace the notification rules")
def put_rules(request: ApiRequest, email: str, said: list[Rule]) -> list[RuleShape]:
    """On P0 and P1 the severity's channels are used at once, whatever the rules say; unverified methods never are."""
    doors.require_scope(request, Scope.WRITE)
    person = _own_or_administered(request, email)
    rules = [(rule.band, rule.channel, timedelta(seconds=rule.delay)) for rule in said]
    return [_rule_shape(rule) for rule in wishing.set_rules(person, rules)]


@router.get("/users/{email}/notification-rules", response=list[RuleShape], summary="Read the notification rules")
def get_rules(request: ApiRequest, email: str) -> list[RuleShape]:
    """One's own, or for administrators anybody's."""
    return [_rule_shape(rule) for rule in wishing.of(_own_or_administered(request, email))]


@router.put("/users/{email}/reachability", response=ReachingShape, summary="Set quiet hours and last resort")
def put_reachability(request: ApiRequest, email: str, said: Reaching) -> ReachingShape:
    """Quiet hours hold what can wait (P3 and P4) alone."""
    doors.require_scope(request, Scope.WRITE)
    person = _own_or_administered(request, email)
    method = None
    if said.fallback_method is not None:
        method = ContactMethod.objects.filter(user=person, pk=said.fallback_method).first()
        if method is None:
            raise Invalid("fallback_method", "This person has no such contact method.")
    begins, ends = (time.fromisoformat(word) if word else None for word in (said.quiet_from, said.quiet_until))
    row = wishing.set_quiet_hours(person, start=begins, end=ends, fallback=method)
    return _reaching_shape(row)


@router.get("/users/{email}/reachability", response=ReachingShape, summary="Read quiet hours and last resort")
def get_reachability(request: ApiRequest, email: str) -> ReachingShape:
    """One's own, or for administrators anybody's."""
    person = _own_or_administered(request, email)
    return _reaching_shape(Reachability.objects.filter(user=person).first() or Reachability(user=person))


def _rule_shape(rule: NotificationRule) -> RuleShape:
    return RuleShape(band=rule.band, channel=rule.channel, delay=seconds(rule.delay))


def _reaching_shape(row: Reachability) -> ReachingShape:
    return ReachingShape(
        quiet_from=f"{row.quiet_from:%H:%M}" if row.quiet_from else None,
        quiet_until=f"{row.quiet_until:%H:%M}" if row.quiet_until else None,
        fallback_method=row.fallback_method_id,
    )


def _own_or_administered(request: ApiRequest, email: str) -> User:
    """The person, if they are oneself or an administrator asks.

    Raises:
        User.DoesNotExist: there is no such person.
        NotAllowed: it is somebody else's affair.
    """
    person = User.objects.get(email__iexact=email)
    if not doors.is_themselves_or_administrator(request, person):
        raise NotAllowed("How a person is reached is for the person and for administrators with an admin token.")
    return person
