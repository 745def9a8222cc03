"""The admin site of the ground floor, through its pages."""

import pytest
from django.urls import reverse

from incidents.models import (
    Access,
    AlertLevel,
    ApiToken,
    Incident,
    Integration,
    Membership,
    Organisation,
    RawEvent,
    Service,
    Severity,
    Team,
    TimelineEntry,
    User,
)
from tests.admin_site import (
    World,
    add_row,
    check_cost,
    check_every_page,
    check_no_inline_style_or_script,
    errors_of,
    filled,
    models_of,
    send,
    sign_in,
    url,
)
from tests.factories import (
    PASSWORD,
    AdministratorFactory,
    ContactMethodFactory,
    IntegrationFactory,
    MembershipFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return World()


@pytest.fixture
def administrator(client):
    """A client in which an administrator is signed in."""
    return sign_in(client)


def texts(answer):
    return [str(message) for message in answer.context["messages"]]


def act(client, model, action, *rows, **said):
    """Carry out an action on rows, confirmed."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], "confirmed": "yes", **said}
    return client.post(url(model, "changelist"), data, follow=True)


@pytest.mark.parametrize("model", models_of("incidents"), ids=lambda model: model.__name__)
def test_every_page_of_the_ground_floor_answers(administrator, world, model):
    check_every_page(administrator, model)


def test_libraries_of_sign_in_are_left_out(administrator):
    page = administrator.get(reverse("admin:index")).content.decode()

    assert "Authenticator" not in page
    assert "Groups" not in page
    assert "Social" not in page


@pytest.mark.parametrize("access", [Access.VIEWER, Access.RESPONDER])
def test_others_than_administrators_do_not_enter(client, access):
    sign_in(client, UserFactory(access=access))

    answer = client.get(reverse("admin:index"), follow=True)

    assert answer.status_code == 403
    assert "may not do this" in answer.content.decode()


def test_strangers_are_sent_to_sign_in(client):
    answer = client.get(url(User, "changelist"), follow=True)

    assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))


@pytest.mark.parametrize("model", [model for model in models_of("incidents") if model.__name__ not in {"AlertLevel"}])
def test_nothing_is_deleted(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    "model",
    [model for model in models_of("incidents") if model.__name__ not in {
        "AlertLevel", "AssessmentAnswer", "ChecklistItem", "Integration", "Organisation", "RoleCard", "Runbook",
        "Service", "Severity", "Team", "User",
    }],
)  # fmt: skip
def test_what_deeds_write_is_only_read(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "add"), {}).status_code == 403
    assert administrator.post(url(model, "change", row.pk), {}).status_code == 403


@pytest.mark.parametrize(
    ("asker", "field", "wanted"),
    [
        ("membership", "team", "Payments"),
        ("membership", "user", "Ada"),
        ("integration", "service", "Checkout"),
        ("organisation", "fallback", "Ada"),
        ("service", "team", "Payments"),
    ],
)
def test_people_teams_and_services_are_found_while_one_types(administrator, world, asker, field, wanted):
    data = {"app_label": "incidents", "model_name": asker, "field_name": field, "term": wanted[:3]}

    answer = administrator.get(reverse("admin:autocomplete"), data)

    assert wanted in [row["text"] for row in answer.json()["results"]]


def test_people_who_left_are_not_offered(administrator):
    UserFactory(name="Gone", is_active=False)
    data = {"app_label": "incidents", "model_name": "membership", "field_name": "user", "term": "Gone"}

    assert administrator.get(reverse("admin:autocomplete"), data).json()["results"] == []


@pytest.mark.parametrize("model", [User, Team, Service, Integration, Severity, Incident])
def test_pages_keep_to_the_content_policy(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    for address in (url(model, "changelist"), url(model, "change", row.pk), url(model, "history", row.pk)):
        check_no_inline_style_or_script(administrator.get(address).content.decode())


# People


def new_person(client, **said):
    return send(client, url(User, "add"), **{"name": "Nia Osei", "email": "Nia@Example.com", **said})


def test_a_person_is_made_without_a_password(administrator):
    new_person(administrator, time_zone="Africa/Accra")

    person = User.objects.get(email="nia@example.com")
    assert (person.name, person.time_zone, person.access) == ("Nia Osei", "Africa/Accra", Access.RESPONDER)
    assert not person.has_usable_password()


def test_a_person_is_made_with_a_password_and_a_team(administrator):
    team = TeamFactory()
    data = filled(administrator, url(User, "add")) | {"name": "Nia", "email": "nia@example.com", "password": PASSWORD}
    add_row(data, "memberships", team=team.pk, rank="lead")

    administrator.post(url(User, "add"), data)

    person = User.objects.get(email="nia@example.com")
    assert person.check_password(PASSWORD)
    assert list(person.memberships.values_list("team", "rank")) == [(team.pk, "lead")]


def test_a_person_with_a_bad_zone_address_or_password_is_refused_in_words(administrator):
    UserFactory(email="nia@example.com")

    answer = new_person(administrator, time_zone="Mars/Base", password="short")

    said = errors_of(answer)
    assert "“Mars/Base” is not a time zone. Use a name such as Europe/Berlin or UTC." in said
    assert "Somebody has this e-mail address already." in said
    assert any("too short" in text for text in said)


def test_a_password_is_set_on_a_page_of_its_own(administrator):
    person = UserFactory()
    page = administrator.get(url(User, "change", person.pk)).content.decode()
    address = reverse("admin:auth_user_password_change", args=[person.pk])

    data = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    answer = administrator.post(address, data)

    assert address in page
    assert answer.status_code == 302
    person.refresh_from_db()
    assert person.check_password(PASSWORD)


def test_a_changed_address_ends_what_sign_in_kept_of_the_old_one(administrator):
    person = UserFactory(email="old@example.com")
    person.emailaddress_set.create(email="old@example.com", primary=True, verified=True)

    send(administrator, url(User, "change", person.pk), email="new@example.com")

    assert not person.emailaddress_set.exists()


def test_a_person_is_deactivated_from_their_page_after_a_question(administrator):
    person = UserFactory(name="Nia")
    data = {"action": "deactivate", "_selected_action": [person.pk], "from_page": person.pk}

    question = administrator.post(url(User, "changelist"), data)
    person.refresh_from_db()
    still_active = person.is_active
    answer = administrator.post(url(User, "changelist"), {**data, "confirmed": "yes"}, follow=True)

    person.refresh_from_db()
    assert "cannot sign in" in question.content.decode()
    assert still_active
    assert (person.is_active, person.deactivated_at is None) == (False, False)
    assert answer.redirect_chain[-1][0] == url(User, "change", person.pk)
    assert texts(answer) == ["Nia is inactive now."]


def test_a_person_is_reactivated(administrator):
    person = UserFactory(name="Nia", is_active=False)

    act(administrator, User, "reactivate", person)

    person.refresh_from_db()
    assert (person.is_active, person.deactivated_at) == (True, None)


def test_oneself_cannot_be_deactivated(client):
    root = AdministratorFactory()
    AdministratorFactory()
    sign_in(client, root)

    answer = act(client, User, "deactivate", root)

    root.refresh_from_db()
    assert root.is_active
    assert texts(answer) == ["You cannot deactivate yourself. Ask another administrator."]


def test_the_fallback_contact_of_the_organisation_cannot_be_deactivated(administrator):
    person = UserFactory(name="Nia")
    Organisation.objects.update(fallback=person)

    answer = act(administrator, User, "deactivate", person)

    person.refresh_from_db()
    assert person.is_active
    assert texts(answer) == ["Nia is the organisation's fallback contact. Name another fallback contact first."]


def test_the_last_administrator_stays_one(client):
    root = AdministratorFactory(name="Root")
    sign_in(client, root)

    answer = send(client, url(User, "change", root.pk), access=Access.VIEWER)

    assert errors_of(answer) == ["Root is the last active administrator. Make somebody else an administrator first."]


def test_a_token_is_shown_once_and_works(administrator):
    person = UserFactory()

    answer = act(administrator, User, "make_token", person, name="laptop", scope="read")

    token = ApiToken.objects.get(user=person)
    secret = next(word for word in answer.content.decode().split() if "tocsin_" in word)
    secret = secret.removeprefix("<p><code>").removesuffix("</code></p>")
    assert (token.name, token.scope, token.digest) == ("laptop", "read", ApiToken.digest_of(secret))
    assert secret not in administrator.get(url(ApiToken, "change", token.pk)).content.decode()


def test_a_token_is_not_made_before_the_question_is_answered(administrator):
    person = UserFactory()

    administrator.post(url(User, "changelist"), {"action": "make_token", "_selected_action": [person.pk]})

    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_once(administrator):
    token, _ = ApiToken.issue(UserFactory())

    act(administrator, ApiToken, "revoke", token)
    token.refresh_from_db()
    first = token.revoked_at
    answer = act(administrator, ApiToken, "revoke", token)

    token.refresh_from_db()
    assert first is not None
    assert token.revoked_at == first
    assert texts(answer) == ["This token is revoked already."]


def test_a_team_is_changed_with_its_people(administrator):
    team, person = TeamFactory(), UserFactory()
    data = filled(administrator, url(Team, "change", team.pk))
    add_row(data, "memberships", user=person.pk, rank="director", is_manager="on")

    administrator.post(url(Team, "change", team.pk), data)

    assert list(team.memberships.values_list("user", "rank", "is_manager")) == [(person.pk, "director", True)]


def test_a_working_day_that_ends_before_it_starts_is_refused(administrator):
    team = TeamFactory()

    answer = send(administrator, url(Team, "change", team.pk), business_end="08:00")

    assert errors_of(answer) == ["The working day must end after it starts."]


def test_history_tells_who_changed_what_and_what_was_removed(client):
    sign_in(client, AdministratorFactory(name="Root"))
    row = MembershipFactory(user__name="Nia", team__name="Search")
    address = url(Team, "change", row.team_id)

    send(client, address, name="Discovery")
    send(client, address, **{"memberships-0-DELETE": "on"})

    page = client.get(url(Team, "history", row.team_id)).content.decode()
    assert not Membership.objects.exists()
    assert "Name: Search → Discovery" in page
    assert "Removed: membership" in page
    assert "User: Nia" in page
    assert page.count("<td>Root</td>") == 2


# The organisation


def test_the_organisation_warns_without_a_fallback_contact_that_can_be_reached(administrator):
    def page():
        return administrator.get(url(Organisation, "change", 1)).content.decode()

    person = UserFactory(name="Nia")

    assert "No fallback contact is set" in page()
    Organisation.objects.update(fallback=person)
    assert "Nia has no verified contact method" in page()
    ContactMethodFactory(user=person)
    assert "The fallback contact can be reached." in page()


# Services and integrations


def test_a_service_lists_its_integrations_and_leads_to_them(administrator):
    integration = IntegrationFactory(name="Grafana of Ops")

    page = administrator.get(url(Service, "change", integration.service_id)).content.decode()

    assert "Grafana of Ops" in page
    assert url(Integration, "change", integration.pk) in page
    assert integration.key not in page


def test_a_service_is_saved_with_its_components_beside_its_integrations(administrator):
    integration = IntegrationFactory()
    service = integration.service
    data = filled(administrator, url(Service, "change", service.pk)) | {"name": "Payments"}
    add_row(data, "components", name="Ledger")

    answer = administrator.post(url(Service, "change", service.pk), data)

    service.refresh_from_db()
    assert answer.status_code == 302
    assert (service.name, [row.name for row in service.components.all()]) == ("Payments", ["Ledger"])


def test_an_integration_shows_its_key_on_its_page_alone(administrator):
    integration = IntegrationFactory(kind="alertmanager")

    page = administrator.get(url(Integration, "change", integration.pk)).content.decode()
    lists = administrator.get(url(Integration, "changelist") + "?q=Integration").content.decode()

    assert f"/integrations/{integration.key}/alertmanager" in page
    assert "webhook_configs" in page
    assert integration.key not in lists


@pytest.mark.parametrize("kind", ["alertmanager", "pagerduty", "generic", "grafana", "heartbeat"])
def test_an_integration_is_made_with_a_key(administrator, kind):
    service = ServiceFactory()

    send(administrator, url(Integration, "add"), service=service.pk, kind=kind, name="Door", mapping="{}")

    integration = Integration.objects.get()
    assert len(integration.key) == 32
    assert administrator.get(url(Integration, "change", integration.pk)).status_code == 200


def test_rotating_the_key_asks_first_and_then_the_old_one_is_gone(administrator):
    integration = IntegrationFactory()
    old = integration.key
    address = url(Integration, "changelist")
    data = {"action": "rotate_key", "_selected_action": [integration.pk], "from_page": integration.pk}

    question = administrator.post(address, data)
    integration.refresh_from_db()
    kept = integration.key
    answer = administrator.post(address, {**data, "confirmed": "yes"}, follow=True)

    integration.refresh_from_db()
    page = answer.content.decode()
    assert "the old one is refused at once" in question.content.decode()
    assert kept == old
    assert not Integration.objects.filter(key=old).exists()
    assert integration.key in page
    assert old not in page


def test_a_key_is_not_rotated_by_looking(administrator):
    integration = IntegrationFactory()

    administrator.get(url(Integration, "changelist"), {"action": "rotate_key", "_selected_action": integration.pk})

    assert Integration.objects.filter(key=integration.key).exists()


@pytest.mark.parametrize(
    ("kind", "mapping", "words"),
    [
        ("generic", '{"colour": "a.b"}', "“colour” is not read. Use: summary, "),
        ("generic", '{"summary": 7}', "“summary” must lead to a path"),
        ("generic", '["summary"]', "Write an object"),
        ("pagerduty", '{"summary": "a"}', "Only generic JSON has a mapping."),
    ],
)
def test_a_mapping_that_could_not_be_followed_is_refused_in_words(administrator, kind, mapping, words):
    integration = IntegrationFactory(kind=kind)

    answer = send(administrator, url(Integration, "change", integration.pk), mapping=mapping)

    [said] = errors_of(answer)
    assert said.startswith(words)


def test_a_raw_event_is_shown_without_the_key(administrator, world):
    event = RawEvent.objects.get()
    RawEvent.objects.update(body=f'{{"routing_key": "{world.integration.key}"}}'.encode())

    page = administrator.get(url(RawEvent, "change", event.pk)).content.decode()

    assert "routing_key" in page
    assert world.integration.key not in page


# Severities


def test_a_severity_is_saved_as_it_stands(administrator):
    for severity in Severity.objects.order_by("level"):
        before = Severity.objects.filter(pk=severity.pk).values().get()

        answer = send(administrator, url(Severity, "change", severity.pk))

        assert answer.status_code == 302
        assert Severity.objects.filter(pk=severity.pk).values().get() == before


def test_r13_a_cell_of_the_contract_is_changed(administrator):
    send(administrator, url(Severity, "change", 1), ack_deadline="0:20:00", channels="SMS, email", examples="one, two")

    severity = Severity.objects.get(level=1)
    assert severity.ack_deadline.total_seconds() == 1200
    assert (severity.channels, severity.examples) == (["sms", "email"], ["one", "two"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ack_deadline": "-0:05:00"}, "A span cannot be negative."),
        ({"ack_deadline": "15"}, "“15” is not clear."),
        ({"ack_deadline": "1:30"}, "“1:30” is not clear."),
        ({"ack_deadline": ""}, "A fixed span is asked for above"),
        ({"ack_rule": "none"}, "The rule above does not use a span."),
        ({"channels": "sms, pigeon"}, "Nothing can be sent by “pigeon”."),
        ({"mitigate_target": "3:00:00"}, "The phases follow one another"),
        ({"user_impact_percent": "101"}, "Ensure this value is less than or equal to 100."),
    ],
)
def test_a_cell_that_cannot_be_right_is_refused_in_words(administrator, changes, words):
    before = Severity.objects.filter(level=0).values().get()

    answer = send(administrator, url(Severity, "change", 0), **changes)

    [said] = errors_of(answer)
    assert said.startswith(words)
    assert Severity.objects.filter(level=0).values().get() == before


def test_r10_the_five_levels_and_their_order_are_fixed(administrator):
    assert administrator.get(url(Severity, "add")).status_code == 403

    send(administrator, url(Severity, "change", 3), level="7", name="Small")

    assert list(Severity.objects.order_by("level").values_list("level", "name"))[3:] == [(3, "Small"), (4, "Low")]


def test_a_word_of_a_source_is_kept_in_small_letters(administrator):
    send(administrator, url(AlertLevel, "add"), word=" DISASTER ", severity="0")

    assert AlertLevel.objects.get(word="disaster").severity_id == 0


def test_a_word_is_listed_once_and_may_be_removed(administrator):
    answer = send(administrator, url(AlertLevel, "add"), word="Critical", severity="0")
    word = AlertLevel.objects.get(word="fatal")

    administrator.post(url(AlertLevel, "delete", word.pk), {"post": "yes"})

    assert errors_of(answer) == ["Alert level with this Word already exists."]
    assert not AlertLevel.objects.filter(word="fatal").exists()


# Incidents


def test_an_incident_is_found_by_its_number(administrator, world):
    found = administrator.get(url(Incident, "changelist"), {"q": f"INC-{world.incident.number}"})
    none = administrator.get(url(Incident, "changelist"), {"q": "INC-999"})

    assert world.incident.title in found.content.decode()
    assert world.incident.title not in none.content.decode()


def test_each_look_at_a_private_incident_is_logged(client, world, caplog):
    root = AdministratorFactory()
    sign_in(client, root)
    caplog.set_level("INFO", "incidents.admin")

    client.get(url(Incident, "change", world.incident.pk))
    Incident.objects.update(private=True)
    client.get(url(Incident, "change", world.incident.pk))

    [look] = [record.getMessage() for record in caplog.records if record.name.startswith("incidents.admin")]
    assert look == f"user {root.pk} looked at the private {world.incident.ref} in the admin site"


def test_an_incident_page_shows_its_clocks_people_and_changes(administrator, world):
    page = administrator.get(url(Incident, "change", world.incident.pk)).content.decode()

    assert "Less than feared." in page
    assert "Tell the customers" in page
    assert f"{url(TimelineEntry, 'changelist')}?incident__id__exact={world.incident.pk}" in page


@pytest.mark.parametrize("model", models_of("incidents"), ids=lambda model: model.__name__)
def test_a_list_costs_the_same_however_long_it_is(administrator, world, model):
    check_cost(administrator, world, model)
