"""The admin pages of policies and their levels."""

from datetime import timedelta

import pytest

from oncall.models import EscalationLevel, EscalationPolicy, EscalationTarget
from tests.admin_site import add_row, errors_of, filled, send, url
from tests.factories import (
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    ServiceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def words_of(client, policy):
    """The rungs that the page of a policy shows."""
    page = client.get(url(EscalationPolicy, "change", policy.pk)).content.decode()
    ladder = page.split("<ol>")[1].split("</ol>")[0]
    return [line.split(">")[1].split("<")[0] for line in ladder.split("<li>")[1:]]


def test_r66_the_shipped_ladder_reads_like_a_ladder(administrator):
    assert words_of(administrator, EscalationPolicy.objects.get(slug="default-p0")) == [
        "At once: inform the whole chain",
        "At once: page on call",
        "5 min, if not mitigated: page team leads",
        "15 min, if not mitigated: page directors and executives",
        "30 min, if not mitigated: page executives; ask the Communications Lead to “Prepare the executive statement”",
    ]


def test_c8_a_delay_in_business_hours_and_a_proposal_are_said(administrator):
    assert words_of(administrator, EscalationPolicy.objects.get(slug="default-p3"))[1] == (
        "30 min of business hours, if not resolved: inform on call; propose P2"
    )


def new_policy(client, **said):
    source = EscalationPolicy.objects.get(slug="default-p1")
    said = {"name": "Checkout P1", "slug": "checkout-p1", "severity": "1", "copy_from": source.pk} | said
    return send(client, url(EscalationPolicy, "add"), **said)


def test_a_policy_begins_with_the_levels_of_another_one(administrator):
    service = ServiceFactory()

    answer = new_policy(administrator, service=service.pk)

    policy = EscalationPolicy.objects.get(slug="checkout-p1")
    source = EscalationPolicy.objects.get(slug="default-p1")
    assert answer.headers["Location"] == url(EscalationPolicy, "change", policy.pk)
    assert words_of(administrator, policy) == words_of(administrator, source)
    assert (policy.levels.count(), source.levels.count()) == (3, 3)


def test_a_policy_without_levels_is_not_put_into_force(administrator):
    refused = new_policy(administrator, service=ServiceFactory().pk, copy_from="")
    new_policy(administrator, service=ServiceFactory().pk, copy_from="", is_active=None)
    policy = EscalationPolicy.objects.get(slug="checkout-p1")

    again = send(administrator, url(EscalationPolicy, "change", policy.pk), is_active="on")

    assert errors_of(refused)[0].startswith("An active policy needs levels.")
    assert errors_of(again) == ["Add a level first: an active policy without levels pages nobody."]
    page = administrator.get(url(EscalationPolicy, "change", policy.pk)).content.decode()
    assert "This policy has no levels: it pages nobody." in page


def test_a_second_policy_for_the_same_incidents_is_refused_in_words(administrator):
    answer = new_policy(administrator, service="")

    assert errors_of(answer) == [
        "“Default P1” is in force for every service, P1 already. Clear “active” there first, or save this one without "
        "it."
    ]


def test_the_policy_that_catches_everything_else_stays_in_force(administrator):
    policy = EscalationPolicy.objects.get(slug="default")

    answer = send(administrator, url(EscalationPolicy, "change", policy.pk), is_active=None)

    assert errors_of(answer)[0].startswith("This policy catches what no other one covers.")


def test_whoever_retires_a_policy_is_told_what_covers_its_incidents_from_now_on(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p0")
    successor = EscalationPolicy.objects.get(slug="default")

    def warnings(**said):
        answer = send(administrator, url(EscalationPolicy, "change", policy.pk), **said)
        shown = administrator.get(answer["Location"]).context["messages"]
        return [str(each) for each in shown if each.level_tag == "warning"]

    [warning] = warnings(is_active=None)
    assert warning.startswith(f"For every service, P0: “{successor}” covers them now: At once, if not")
    assert warnings(is_active="on") == []


def test_a_policy_is_renamed(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p2")

    send(administrator, url(EscalationPolicy, "change", policy.pk), name="For P2", repeat="3", repeat_after="0:10:00")

    policy.refresh_from_db()
    assert (policy.name, policy.repeat, policy.repeat_after) == ("For P2", 3, timedelta(minutes=10))


def add_level(client, policy, *targets, **said):
    address = f"{url(EscalationLevel, 'add')}?policy={policy.pk}"
    data = filled(client, address) | said
    data["targets-TOTAL_FORMS"] = "0"
    for target in targets:
        add_row(data, "targets", **target)
    return client.post(address, data)


def test_a_level_is_added_behind_the_others_and_leads_back_to_the_ladder(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p2")
    person = UserFactory(name="Nia")

    answer = add_level(
        administrator, policy, {"kind": "user", "user": person.pk}, after="1:00:00", condition="unresolved"
    )

    assert answer.headers["Location"] == url(EscalationPolicy, "change", policy.pk)
    assert words_of(administrator, policy)[2] == "1 h, if not resolved: page Nia"
    assert policy.levels.order_by("-position").first().position == 3


def test_a_level_for_the_people_on_call_is_kept_although_nothing_else_was_typed(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p2")

    add_level(administrator, policy, {"kind": "on_call"}, after="1:00:00")

    assert EscalationTarget.objects.filter(level__policy=policy, level__position=3).count() == 1


def test_a_level_that_reaches_nobody_is_refused_unless_it_makes_a_task(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p2")

    refused = add_level(administrator, policy)
    allowed = add_level(administrator, policy, task_title="Write to the customers")

    assert errors_of(refused) == ["Say whom this level reaches: add at least one target, or write a task above."]
    assert allowed.status_code == 302


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ({"kind": "rank"}, "Fill in the one field that the kind of target asks for, and no other."),
        ({"kind": "chain", "rank": "lead"}, "Fill in the one field that the kind of target asks for, and no other."),
    ],
)
def test_a_target_that_does_not_name_what_its_kind_asks_for_is_refused(administrator, target, words):
    answer = add_level(administrator, EscalationPolicy.objects.get(slug="default-p2"), target)

    assert errors_of(answer) == [words]


def test_somebody_who_left_is_no_new_target(administrator):
    person = UserFactory(name="Gone", is_active=False)

    answer = add_level(
        administrator, EscalationPolicy.objects.get(slug="default-p2"), {"kind": "user", "user": person.pk}
    )

    assert errors_of(answer) == ["Gone is inactive and is never paged. Choose somebody else."]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"business_hours": "on", "after": "0:00:00"}, "There is no delay to count in business hours."),
        ({"position": "1"}, "Another level of this policy has the position 1."),
        ({"after": "-0:01:00"}, "A span cannot be negative."),
    ],
)
def test_a_level_that_cannot_be_right_is_refused_in_words(administrator, said, words):
    answer = add_level(administrator, EscalationPolicy.objects.get(slug="default-p2"), {"kind": "on_call"}, **said)

    assert errors_of(answer)[0].startswith(words)


def test_a_level_does_not_take_the_place_of_another(administrator):
    level = EscalationPolicy.objects.get(slug="default-p2").levels.get(position=2)

    answer = send(administrator, url(EscalationLevel, "change", level.pk), position="1")

    assert errors_of(answer) == ["Another level of this policy has the position 1. Choose a free one."]


def test_a_level_is_removed_and_the_last_one_of_a_policy_in_force_is_not(administrator):
    policy = EscalationPolicy.objects.get(slug="default-p2")
    first, second = policy.levels.order_by("position")

    gone = administrator.post(url(EscalationLevel, "delete", second.pk), {"post": "yes"})
    kept = administrator.post(url(EscalationLevel, "delete", first.pk), {"post": "yes"})

    assert gone.headers["Location"] == url(EscalationPolicy, "change", policy.pk)
    assert kept.status_code == 403
    assert list(policy.levels.all()) == [first]


def test_history_of_a_policy_tells_of_its_levels_and_targets(administrator):
    target = EscalationTargetFactory(level=EscalationLevelFactory(policy=EscalationPolicyFactory()))
    level = target.level
    send(administrator, url(EscalationLevel, "change", level.pk), after="0:05:00")

    page = administrator.get(url(EscalationPolicy, "history", level.policy_id)).content.decode()

    assert "Added: escalation target" in page
    assert "After: 0:00:00 → 0:05:00" in page
