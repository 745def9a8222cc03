"""Say how one wants to be reached: rules for each band, quiet hours, the method of last resort."""

from collections.abc import Sequence
from datetime import time, timedelta

from django.db import transaction

from incidents.models import User
from incidents.refusals import Invalid
from oncall.models import Band, Channel, ContactMethod, NotificationRule, Reachability

MOST = 20  # rules of one band
OURS = {Channel.CANARY}  # ways that no person has


@transaction.atomic
def set_rules(person: User, rules: Sequence[tuple[str, str, timedelta]]) -> list[NotificationRule]:
    """Replace the person's rules by these (band, channel, delay); pages already made keep their messages.

    Raises:
        Invalid: a channel or band that there is not, a delay beyond a day, a rule twice, or too many.
    """
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    for place, rule in enumerate(rules):
        _check(place, rule)
    if len(set(rules)) < len(rules):
        raise Invalid("rules", "A rule stands there twice. Keep one of them.")
    if any(sum(rule[0] == band for rule in rules) > MOST for band in Band):
        raise Invalid("rules", f"Use {MOST} rules for each band at most.")
    NotificationRule.objects.filter(user=person).delete()
    rows = [NotificationRule(user=person, band=band, channel=channel, delay=delay) for band, channel, delay in rules]
    NotificationRule.objects.bulk_create(sorted(rows, key=lambda row: (row.band != Band.PAGE_NOW, row.delay)))
    return of(person)


def of(person: User) -> list[NotificationRule]:
    """The person's rules, what pages now first, then by delay (1 query)."""
    return list(NotificationRule.objects.filter(user=person).order_by("-band", "delay", "pk"))


@transaction.atomic
def set_quiet_hours(
    person: User, *, start: time | None, end: time | None, fallback: ContactMethod | None
) -> Reachability:
    """Set the quiet hours on the person's own clock (both None = none) and the method of last resort.

    Raises:
        Invalid: one end is missing, both are the same, or the method is somebody else's or not verified.
    """
    if (start is None) != (end is None):
        raise Invalid("quiet_until" if start else "quiet_from", "Quiet hours need a start and an end.")
    if start is not None and start == end:
        raise Invalid("quiet_until", "Quiet hours that begin and end at one time have no length.")
    if fallback and (fallback.user_id != person.pk or not fallback.is_usable):
        raise Invalid("fallback_method", "Choose a verified method of your own.")
    row, _ = Reachability.objects.update_or_create(
        user=person, defaults={"quiet_from": start, "quiet_until": end, "fallback_method": fallback}
    )
    return row


def _check(place: int, rule: tuple[str, str, timedelta]) -> None:
    band, channel, delay = rule
    if band not in Band.values:
        raise Invalid(f"{place}.band", f"There is no band “{band}”.")
    if channel not in Channel.values or channel in OURS:
        raise Invalid(f"{place}.channel", f"There is no channel “{channel}”.")
    if not timedelta(0) <= delay <= timedelta(hours=24):
        raise Invalid(f"{place}.delay", "A rule waits between nothing and a day.")
