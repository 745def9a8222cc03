"""Ship the default ladder of RULES section 6 (R-63 to R-68 with C-1 to C-9 and C-20) as editable data."""

from datetime import timedelta

from django.db import migrations

M = timedelta(minutes=1)
ON_CALL, CHAIN = [{"kind": "on_call"}], [{"kind": "chain"}]


def rank(*ranks):
    return [{"kind": "rank", "rank": rank} for rank in ranks]


# slug, name, severity, repeat, repeat_after, falls_back, levels: (after, condition, act, targets, more)
POLICIES = [
    ("default-p0", "Default P0", 0, 2, 5 * M, True, [
        (0 * M, "always", "inform", CHAIN, {}),
        (0 * M, "always", "page", ON_CALL, {}),
        (5 * M, "unmitigated", "page", rank("lead"), {}),
        (15 * M, "unmitigated", "page", rank("director", "executive"), {}),
        (30 * M, "unmitigated", "page", rank("executive"), {"task_title": "Prepare the executive statement"}),
    ]),
    ("default-p1", "Default P1", 1, 2, 5 * M, True, [
        (0 * M, "unacknowledged", "page", ON_CALL, {}),
        (5 * M, "unacknowledged", "page", rank("lead"), {}),
        (30 * M, "unresolved", "page", rank("director"), {}),
    ]),
    ("default-p2", "Default P2", 2, 2, 15 * M, True, [
        (0 * M, "unacknowledged", "page", ON_CALL, {}),
        (15 * M, "unacknowledged", "page", rank("lead"), {}),
    ]),
    ("default-p3", "Default P3", 3, 0, 0 * M, False, [
        (0 * M, "unacknowledged", "page", ON_CALL, {}),
        (30 * M, "unresolved", "inform", ON_CALL, {"business_hours": True, "proposes_id": 2}),
    ]),
    ("default-p4", "Default P4", 4, 0, 0 * M, False, [
        (0 * M, "always", "inform", ON_CALL, {}),
    ]),
    ("default", "Default, severity not named", None, 2, 15 * M, True, [
        (0 * M, "unacknowledged", "page", ON_CALL, {}),
        (15 * M, "unacknowledged", "page", rank("lead", "expert"), {}),
        (30 * M, "unmitigated", "page", rank("director", "executive"), {}),
    ]),
]


def ship(apps, schema_editor):
    Policy, Level, Target = (
        apps.get_model("oncall", name) for name in ("EscalationPolicy", "EscalationLevel", "EscalationTarget")
    )
    for slug, name, severity, repeat, repeat_after, falls_back, levels in POLICIES:
        policy = Policy.objects.create(
            slug=slug, name=name, severity_id=severity, repeat=repeat, repeat_after=repeat_after, falls_back=falls_back
        )
        for position, (after, condition, act, targets, more) in enumerate(levels, start=1):
            level = Level.objects.create(
                policy=policy, position=position, after=after, condition=condition, act=act, **more
            )
            for target in targets:
                Target.objects.create(level=level, **target)


def take_back(apps, schema_editor):
    apps.get_model("oncall", "EscalationPolicy").objects.filter(slug__in=[row[0] for row in POLICIES]).delete()


class Migration(migrations.Migration):
    dependencies = [("oncall", "0001_initial"), ("incidents", "0002_ship_severities")]

    operations = [migrations.RunPython(ship, take_back)]
