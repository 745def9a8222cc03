"""Does every path reach a verified human: 200 services, 5 severities, 30 days."""

import time
from datetime import timedelta

SERVICES, PEOPLE = 200, 6


def coverage() -> None:
    """Each service with a team of six, two schedules of three layers and ten overrides; every fourth has a policy."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext
    from django.utils import timezone

    from oncall import holes

    began = time.perf_counter()
    count = sum(index % 7 for index in range(20_000_000))
    ceiling = time.perf_counter() - began
    assert count
    at = timezone.now()
    services = _organisation(at)
    with CaptureQueriesContext(connection) as queries:
        began = time.perf_counter()
        report = holes.report(at, services=services)
        took = time.perf_counter() - began
    named = [path for path in report.paths if path.severity]
    print(
        f"{len(services)} services x 5 severities x 30 days: {len(named)} paths, "
        f"{sum(len(path.gaps) for path in named)} gaps, {took:.2f} s, {len(queries)} queries "
        f"(this machine adds 20 million small numbers in {ceiling:.2f} s)"
    )
    few = services[:2]
    with CaptureQueriesContext(connection) as fewer:
        holes.report(at, services=few)
    print(f"of two services: {len(fewer)} queries")


def _organisation(at):
    from incidents.models import Membership, Service, Severity, Team, User
    from oncall.models import (
        ContactMethod,
        EscalationLevel,
        EscalationPolicy,
        EscalationTarget,
        Layer,
        LayerPerson,
        Leave,
        Override,
        Restriction,
        Schedule,
    )
    from tests.bench.__main__ import LAYERS, ZONES

    severity = Severity.objects.get(level=2)
    services = []
    for number in range(SERVICES):
        team = Team.objects.create(slug=f"cover-{number}", name=f"Cover {number:03}")
        people = User.objects.bulk_create(
            User(email=f"cover{number}-{person}@example.com", name=f"Cover {number} {person}")
            for person in range(PEOPLE)
        )
        Membership.objects.bulk_create(Membership(team=team, user=person) for person in people)
        ContactMethod.objects.bulk_create(
            ContactMethod(user=person, channel="email", address=person.email, verified_at=at) for person in people[1:]
        )
        Leave.objects.create(person=people[2], start=at + timedelta(days=3), end=at + timedelta(days=6))
        for which in range(2):
            schedule = Schedule.objects.create(slug=f"cover-{number}-{which}", name="Cover", team=team)
            for place, (name, priority, unit, spans) in enumerate(LAYERS):
                layer = Layer.objects.create(
                    schedule=schedule,
                    name=name,
                    priority=priority,
                    time_zone=ZONES[(number + place) % len(ZONES)],
                    anchor="2024-01-01T09:00",
                    unit=unit,
                )
                Restriction.objects.bulk_create(
                    Restriction(layer=layer, weekday=day, start=start, end=end) for day, start, end in spans
                )
                LayerPerson.objects.bulk_create(
                    LayerPerson(layer=layer, slot=slot, user=person) for slot, person in enumerate(people[:5], 1)
                )
            Override.objects.bulk_create(
                Override(
                    schedule=schedule,
                    start=at + timedelta(days=day, hours=day),
                    end=at + timedelta(days=day, hours=day + 12),
                    kind="replace",
                    person=people[5],
                    replaces=people[day % 5],
                )
                for day in range(10)
            )
        services.append(Service.objects.create(slug=f"cover-{number}", name=f"Cover {number:03}", team=team))
        if number % 4 == 0:
            policy = EscalationPolicy.objects.create(
                slug=f"cover-{number}", name="Own", service=services[-1], severity=severity
            )
            level = EscalationLevel.objects.create(policy=policy, position=1, hours="person" if number % 8 else "")
            EscalationTarget.objects.create(level=level, kind="schedule", schedule=schedule)
    return services


if __name__ == "__main__":
    from tests.bench.product import running_product

    with running_product():
        import django

        django.setup()
        coverage()
