"""The escalation page: the ladders in words, and who stands behind each level."""

import pytest

from incidents.models import Severity
from oncall.models import ContactMethod, EscalationLevel, EscalationPolicy
from tests.factories import (
    AdministratorFactory,
    ContactMethodFactory,
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    MembershipFactory,
    UserFactory,
)
from tests.oncall.views.conftest import SHELL, words

pytestmark = pytest.mark.django_db


def ladder(answer, name):
    """The words of one ladder's card."""
    text = words(answer)
    begin = text.index(name)
    ends = [
        text.find(f" {other} ", begin + 1)
        for other in ("P1 Severe", "P2 Major", "P3 Minor", "P4 Low", "Severity not named")
    ]
    return text[begin : min(end for end in [*ends, len(text)] if end > begin)]


@pytest.fixture
def reader(client, db):
    reader = UserFactory(name="Reader")
    client.force_login(reader)
    return reader


@pytest.mark.parametrize(
    ("level", "said"),
    [
        (
            "P0 Critical",
            [
                "phone SMS chat e-mail",
                "calls again every 2 min until answered",
                "0:00 The whole chain Told, no answer asked.",
                "0:00 On call",
                "5:00 Team leads , if not mitigated",
                "15:00 Directors and executives , if not mitigated",
                "30:00 Executives , if not mitigated Makes a task for the Communications Lead:",
                "Nobody answers: 5 min later from the top, twice more, then the fallback contact.",
            ],
        ),
        ("P1 Severe", ["0:00 On call", "5:00 Team leads , if not acknowledged", "30:00 Directors , if not resolved"]),
        ("P2 Major", ["chat e-mail", "0:00 On call", "15:00 Team leads , if not acknowledged"]),
        ("P3 Minor", ["0:00 On call", "Proposes P2; a person accepts it.", "Nobody else is paged automatically."]),
        ("P4 Low", ["0:00 On call Told, no answer asked.", "Nobody else is paged automatically."]),
    ],
)
def test_r63_to_r67_the_shipped_ladder_of_each_severity_stands_there_in_words(client, reader, level, said):
    found = ladder(client.get("/escalation/"), level)

    assert [sentence for sentence in said if sentence not in found] == []


def test_the_people_behind_each_level_of_a_service_are_named_with_their_ways(client, reader, chain):
    answer = client.get("/escalation/", {"service": chain.service.slug})

    critical = ladder(answer, "P0 Critical")
    assert "Who is paged for Checkout" in words(answer)
    assert "Told, no answer asked: Lea, Eli, Dan, Eve." in critical  # Ada is paged at that instant
    assert [name for name in ("Ada", "Lea", "Dan", "Eve") if f"{name} " not in critical] == []
    assert "On call, Payments weekly, Primary" in critical
    assert 'aria-label="phone"' in answer.content.decode()


def test_a_level_that_reaches_nobody_is_a_hole_that_says_what_follows(client, reader, chain):
    ContactMethod.objects.filter(user__in=[chain.lea, chain.dan]).update(verified_at=None)

    found = ladder(client.get("/escalation/", {"service": chain.service.slug}), "P1 Severe")

    assert "Lea Team lead of Payments" in found
    assert "no verified way" in found
    assert "Nobody can be reached now; the next level follows in the same second." in found
    assert "Nobody can be reached now; then the fallback contact." in found


def test_a_service_with_its_own_policy_shows_that_one(client, reader, chain):
    policy = EscalationPolicyFactory(name="Checkout at P2", service=chain.service, severity_id=2, repeat=0)
    level = EscalationLevelFactory(policy=policy)
    EscalationTargetFactory(level=level, kind="user", user=chain.eve)

    general, own = client.get("/escalation/"), client.get("/escalation/", {"service": chain.service.slug})

    assert "With a policy of their own: Checkout" in words(general)
    assert "Checkout at P2" not in ladder(general, "P2 Major")
    assert "Checkout at P2 own policy" in ladder(own, "P2 Major")
    assert "0:00 Eve" in ladder(own, "P2 Major")


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_costs_the_same_for_one_policy_and_three(client, reader, chain, count, django_assert_num_queries):
    for _ in range(count):
        policy = EscalationPolicyFactory(severity_id=1)
        for _ in range(count):
            EscalationTargetFactory(level=EscalationLevelFactory(policy=policy))
        MembershipFactory(team=chain.team, user=UserFactory())

    # session, user, service, policies, levels, targets, severities; reach: affected services, members, team and
    # organisation fallback, schedules, names, roster (6), users, methods; services with a policy;
    # fallback: organisation, administrators; the form's list
    with django_assert_num_queries(25 + SHELL):
        answer = client.get("/escalation/", {"service": chain.service.slug})

    assert answer.status_code == 200


def test_an_unknown_service_is_refused_in_words_and_the_general_ladders_stay(client, reader):
    answer = client.get("/escalation/", {"service": "nowhere"})

    assert "There is no such service. Choose one from the list." in words(answer)
    assert "15:00 Directors and executives" in words(answer)


def test_without_a_fallback_contact_the_page_says_so_in_red(client, reader, organisation):
    assert "No fallback contact is set. No administrator can be reached either" in words(client.get("/escalation/"))
    ContactMethodFactory(user=AdministratorFactory(name="Root"))

    answer = words(client.get("/escalation/"))

    assert "When a ladder reaches nobody, the administrator Root is paged instead." in answer
    assert "Set the fallback contact" not in answer


def test_a_fallback_contact_who_cannot_be_reached_is_named(client, administrator, organisation):
    organisation.fallback = UserFactory(name="Fay")
    organisation.save()

    answer = words(client.get("/escalation/"))

    assert "The fallback contact cannot be reached. Fay is named by the organisation" in answer
    assert "Set the fallback contact" in answer
    ContactMethodFactory(user=organisation.fallback)
    assert "Fallback contact: Fay , named by the organisation." in words(client.get("/escalation/"))


def test_the_fallback_contact_of_the_team_goes_first(client, reader, chain, organisation):
    organisation.fallback, chain.team.fallback = chain.eve, chain.dan
    organisation.save()
    chain.team.save()

    assert "Fallback contact: Dan , named by Payments." in words(
        client.get("/escalation/", {"service": chain.service.slug})
    )


def test_only_administrators_are_offered_to_edit(client, reader):
    assert "/admin/" not in client.get("/escalation/").content.decode()
    client.force_login(AdministratorFactory())
    policy = EscalationPolicy.objects.get(slug="default-p0")

    assert f"/admin/oncall/escalationpolicy/{policy.pk}/change/" in client.get("/escalation/").content.decode()


def test_the_page_speaks_of_edited_data(client, reader):
    Severity.objects.filter(level=1).update(channels=["email"])
    EscalationLevel.objects.filter(policy__slug="default-p1", position=2).update(after="00:07:30")

    found = ladder(client.get("/escalation/"), "P1 Severe")

    assert "7:30 Team leads" in found
    assert "Default P1 e-mail 0:00" in found.replace("Edit ", "")
