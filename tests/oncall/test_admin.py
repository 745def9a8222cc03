"""The admin site of the pager, through its pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from incidents.admin.severity import CHANNEL_WORDS
from incidents.models import User
from oncall import rosters, rota
from oncall.models import (
    Channel,
    ContactMethod,
    EscalationLevel,
    EscalationPolicy,
    EscalationTarget,
    Layer,
    Leave,
    Override,
    Page,
    Schedule,
    TemporarySchedule,
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
    ContactMethodFactory,
    EscalationLevelFactory,
    EscalationPolicyFactory,
    EscalationTargetFactory,
    LayerFactory,
    ScheduleFactory,
    ServiceFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

CONFIGURED = {"ContactMethod", "EscalationLevel", "EscalationPolicy", "Layer", "Leave", "Schedule", "TemporarySchedule"}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def administrator(client):
    """A client in which an administrator is signed in."""
    return sign_in(client)


def texts(answer):
    return [str(message) for message in answer.context["messages"]]


@pytest.mark.parametrize("model", models_of("oncall"), ids=lambda model: model.__name__)
def test_every_page_of_the_pager_answers(administrator, world, model):
    check_every_page(administrator, model)


@pytest.mark.parametrize("model", models_of("oncall"), ids=lambda model: model.__name__)
def test_a_list_costs_the_same_however_long_it_is(administrator, world, model):
    check_cost(administrator, world, model)


@pytest.mark.parametrize("model", [model for model in models_of("oncall") if model.__name__ not in CONFIGURED])
def test_what_deeds_write_is_only_read(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "add"), {}).status_code == 403
    assert administrator.post(url(model, "change", row.pk), {}).status_code == 403
    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", [Schedule, EscalationPolicy, Layer, ContactMethod])
def test_configuration_is_not_deleted(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    assert administrator.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_responders_do_not_enter(client):
    sign_in(client, UserFactory())

    assert client.get(url(Page, "changelist"), follow=True).status_code == 403


@pytest.mark.parametrize("model", [Schedule, Layer, EscalationPolicy, EscalationLevel, Page])
def test_pages_keep_to_the_content_policy(administrator, world, model):
    row = model._default_manager.order_by("pk").first()

    for address in (url(model, "changelist"), url(model, "change", row.pk), url(model, "history", row.pk)):
        check_no_inline_style_or_script(administrator.get(address).content.decode())


@pytest.mark.parametrize(
    ("asker", "field", "wanted"),
    [
        ("layerperson", "user", "Ada"),
        ("layer", "schedule", "Payments weekly"),
        ("override", "person", "Ada"),
        ("escalationtarget", "schedule", "Payments weekly"),
        ("escalationpolicy", "service", "Checkout"),
    ],
)
def test_what_a_row_points_to_is_found_while_one_types(administrator, world, asker, field, wanted):
    data = {"app_label": "oncall", "model_name": asker, "field_name": field, "term": wanted[:3]}

    answer = administrator.get(reverse("admin:autocomplete"), data)

    assert wanted in [row["text"] for row in answer.json()["results"]]


# People and how they are reached


def test_the_ground_floor_knows_the_channels_of_the_pager():
    assert set(CHANNEL_WORDS) == set(Channel.values) - {"canary"}  # which only proves that the way is open


def test_a_contact_method_is_added_on_the_page_of_the_person_and_verified_by_a_tick(administrator):
    person = UserFactory()
    data = filled(administrator, url(User, "change", person.pk))
    add_row(data, "contact_methods", channel="sms", address="+49 151 2345678", position="0", verified="on", in_use="on")

    administrator.post(url(User, "change", person.pk), data)

    method = person.contact_methods.get()
    assert (method.address, method.is_usable) == ("+491512345678", True)


@pytest.mark.parametrize(("channel", "address"), [("sms", "0151 2345678"), ("email", "nobody"), ("webhook", "ftp://x")])
def test_an_address_that_does_not_fit_its_channel_is_refused(administrator, channel, address):
    answer = send(administrator, url(ContactMethod, "add"), user=UserFactory().pk, channel=channel, address=address)

    assert len(errors_of(answer)) == 1
    assert not ContactMethod.objects.exists()


def test_another_address_has_to_be_verified_anew(administrator):
    method = ContactMethodFactory()

    send(administrator, url(ContactMethod, "change", method.pk), address="other@example.com")

    method.refresh_from_db()
    assert (method.address, method.verified_at) == ("other@example.com", None)


def test_a_contact_method_saved_as_it_stands_keeps_its_times(administrator):
    method = ContactMethodFactory()
    before = ContactMethod.objects.values().get()

    send(administrator, url(ContactMethod, "change", method.pk))
    unchanged = ContactMethod.objects.values().get()
    send(administrator, url(ContactMethod, "change", method.pk), in_use=None)

    assert unchanged == before
    assert not ContactMethod.objects.get().is_usable


# Policies


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


# Schedules


def on_call(schedule, at=None):
    """The names of those on call."""
    rows = rota.on_call(rosters.load([schedule.pk])[schedule.pk], at or timezone.now())
    return [User.objects.get(pk=row.person).name for row in rows]


def new_layer(client, schedule, *people, **said):
    address = f"{url(Layer, 'add')}?schedule={schedule.pk}"
    data = filled(client, address) | {"name": "Primary", "anchor": "2026-03-02T09:00"} | said
    data["people-TOTAL_FORMS"] = "0"
    for slot, person in enumerate(people, start=1):
        add_row(data, "people", slot=slot, user=person.pk)
    return client.post(address, data, follow=True)


def test_r82_a_schedule_is_made_with_its_first_layer(administrator):
    ada = UserFactory(name="Ada")

    first = send(
        administrator,
        url(Schedule, "add"),
        name="Payments",
        slug="payments",
        team=TeamFactory().pk,
        time_zone="Europe/Berlin",
    )
    schedule = Schedule.objects.get(slug="payments")
    last = new_layer(administrator, schedule, ada, UserFactory(name="Ben"))

    layer = schedule.layers.get()
    assert first.headers["Location"] == f"{url(Layer, 'add')}?schedule={schedule.pk}"
    assert last.redirect_chain[-1][0] == url(Schedule, "change", schedule.pk)
    assert (layer.time_zone, layer.anchor, layer.unit, layer.length) == ("Europe/Berlin", "2026-03-02T09:00", "week", 1)
    assert [row.user.name for row in layer.people.order_by("slot")] == ["Ada", "Ben"]
    assert on_call(schedule) in (["Ada"], ["Ben"])


def test_a_schedule_shows_who_is_on_call_now_and_the_next_handoffs(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule = ScheduleFactory(people=[ada, ben], time_zone="Europe/Berlin")

    page = administrator.get(url(Schedule, "change", schedule.pk)).content.decode()

    [now] = on_call(schedule)
    assert f"Now: {now}" in page
    assert "From (Europe/Berlin)" in page
    assert "Mon " in page
    assert "10:00</td>" in page  # the layer hands over at 09:00 UTC, in winter
    assert "Ada → Ben" in page
    assert "Ada has no verified contact method and cannot be paged." in page


def test_a_schedule_without_people_is_marked_in_the_list_and_on_its_page(administrator):
    schedule = ScheduleFactory(people=[])

    row = administrator.get(url(Schedule, "changelist")).content.decode()
    page = administrator.get(url(Schedule, "change", schedule.pk)).content.decode()

    assert '<ul class="errorlist"><li>Nobody: pages nobody</li></ul>' in row
    assert "Nobody is in a rotation of this schedule: it pages nobody." in page


def test_a_schedule_is_retired_not_deleted(administrator):
    schedule = ScheduleFactory()

    send(administrator, url(Schedule, "change", schedule.pk), is_active=None)

    page = administrator.get(url(Schedule, "change", schedule.pk)).content.decode()
    assert not Schedule.objects.get().is_active
    assert "This schedule is retired and pages nobody." in page


def test_a_bad_zone_of_a_schedule_is_refused_and_the_page_still_stands(administrator):
    schedule = ScheduleFactory()

    answer = send(administrator, url(Schedule, "change", schedule.pk), time_zone="Mars/Base")

    assert errors_of(answer) == ["“Mars/Base” is not a time zone. Use a name such as Europe/Berlin or UTC."]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"anchor": "next Monday"}, "“next Monday” is not a wall-clock time."),
        ({"anchor": "2026-02-30T09:00"}, "“2026-02-30T09:00” is not a wall-clock time."),
        ({"anchor": "1026-02-03T09:00"}, "Choose a year from 2000 to 2100."),
        (
            {"anchor": "2026-03-29T02:30", "time_zone": "Europe/Berlin"},
            "02:30 on 2026-03-29 does not exist in Europe/Berlin",
        ),
        ({"time_zone": "Mars/Base"}, "“Mars/Base” is not a time zone."),
        ({"length": "0"}, "Ensure this value is greater than or equal to 1."),
    ],
)
def test_a_layer_that_cannot_be_right_is_refused_in_words(administrator, said, words):
    schedule = ScheduleFactory(people=[])

    answer = new_layer(administrator, schedule, UserFactory(), **said)

    [refusal] = errors_of(answer)
    assert refusal.startswith(words)
    assert not schedule.layers.exists()


def test_an_anchor_that_comes_twice_is_taken_and_told(administrator):
    schedule = ScheduleFactory(people=[])

    answer = new_layer(administrator, schedule, UserFactory(), anchor="2026-10-25 02:30", time_zone="Europe/Berlin")

    assert schedule.layers.get().anchor == "2026-10-25T02:30"
    assert any("comes twice in Europe/Berlin" in text for text in texts(answer))


def test_a_layer_without_people_is_refused(administrator):
    schedule = ScheduleFactory(people=[])

    answer = new_layer(administrator, schedule)

    assert errors_of(answer) == ["A layer without people pages nobody. Add at least one person."]


def test_somebody_who_left_is_not_put_on_call(administrator):
    answer = new_layer(administrator, ScheduleFactory(people=[]), UserFactory(name="Gone", is_active=False))

    assert errors_of(answer) == ["Gone is inactive and cannot be on call. Choose somebody else."]


def test_two_layers_of_a_schedule_have_names_of_their_own(administrator):
    answer = new_layer(administrator, ScheduleFactory(), UserFactory())

    assert errors_of(answer) == ["This schedule has a layer called “Primary” already. Choose another name."]


def test_r82_an_edited_layer_keeps_its_past_and_its_present_turn(administrator):
    ada, ben, cleo = (UserFactory(name=name) for name in ("Ada", "Ben", "Cleo"))
    schedule = ScheduleFactory(people=[ada, ben])
    layer = schedule.layers.get()
    past = datetime(2026, 1, 6, tzinfo=UTC)
    before = on_call(schedule), on_call(schedule, past)
    data = filled(administrator, url(Layer, "change", layer.pk))
    add_row(data, "people", slot=3, user=cleo.pk)

    answer = administrator.post(url(Layer, "change", layer.pk), data)

    new = schedule.layers.exclude(pk=layer.pk).get()
    layer.refresh_from_db()
    assert answer.headers["Location"] == url(Schedule, "change", schedule.pk)
    assert layer.effective_until == new.effective_from
    assert {row.user.name for row in new.people.all()} == {"Ada", "Ben", "Cleo"}
    assert {row.user.name for row in layer.people.all()} == {"Ada", "Ben"}
    assert (on_call(schedule), on_call(schedule, past)) == before


def test_a_layer_saved_as_it_stands_stays_one_version(administrator):
    schedule = ScheduleFactory()
    other = LayerFactory(schedule=schedule, name="Nights", priority=1, people=[UserFactory()])

    send(administrator, url(Layer, "change", other.pk))

    assert schedule.layers.count() == 2
    assert not schedule.layers.exclude(effective_until=None).exists()


def test_an_edit_of_one_layer_leaves_the_others_alone(administrator):
    schedule = ScheduleFactory()
    primary = schedule.layers.get()
    other = LayerFactory(schedule=schedule, name="Nights", priority=1, people=[UserFactory()])
    data = filled(administrator, url(Layer, "change", other.pk)) | {"priority": "5"}
    add_row(data, "restrictions", weekday="0", start="20:00", end="08:00")

    administrator.post(url(Layer, "change", other.pk), data)

    primary.refresh_from_db()
    new = schedule.layers.filter(name="Nights", effective_until=None).get()
    assert (primary.effective_from, primary.effective_until) == (None, None)
    assert (new.priority, new.restrictions.count()) == (5, 1)


def test_a_version_that_is_over_is_only_read(administrator):
    schedule = ScheduleFactory()
    layer = schedule.layers.get()
    send(administrator, url(Layer, "change", layer.pk), priority="3")

    assert administrator.get(url(Layer, "change", layer.pk)).status_code == 200
    assert administrator.post(url(Layer, "change", layer.pk), {}).status_code == 403


def test_of_two_versions_ahead_only_the_last_one_is_changed(administrator):
    schedule = ScheduleFactory(people=[UserFactory(), UserFactory()])
    send(administrator, url(Layer, "change", schedule.layers.get().pk), unit="day")

    running, last = schedule.layers.filter(effective_from__isnull=False).order_by("effective_from")

    assert running.effective_until == last.effective_from > timezone.now()
    assert administrator.post(url(Layer, "change", running.pk), {}).status_code == 403
    assert send(administrator, url(Layer, "change", last.pk), priority="2").status_code == 302


def test_a_layer_is_ended_by_its_date(administrator):
    schedule = ScheduleFactory()
    layer = schedule.layers.get()

    send(
        administrator,
        url(Layer, "change", layer.pk),
        effective_until_0=f"{timezone.now():%Y-%m-%d}",
        effective_until_1="00:00:00",
    )

    page = administrator.get(url(Schedule, "change", schedule.pk)).content.decode()
    assert on_call(schedule) == []
    assert "Nobody is in a rotation of this schedule: it pages nobody." in page


def preview(client, layer, headers=None, **changes):
    data = filled(client, url(Layer, "change", layer.pk)) | changes
    return client.post(url(Layer, "preview", layer.pk), data, headers={"X-Requested-With": "fetch"} | (headers or {}))


def test_a_layers_form_shows_what_it_would_change_and_saves_nothing(administrator):
    ada, ben = UserFactory(name="Ada"), ContactMethodFactory(user__name="Ben").user
    schedule = ScheduleFactory(people=[ada])
    layer = schedule.layers.get()
    rows = list(Layer.objects.values())

    same = preview(administrator, layer).content.decode()
    other = preview(administrator, layer, **{"people-0-user": ben.pk}).content.decode()
    page = preview(administrator, layer, {"X-Requested-With": ""}, **{"people-0-user": ben.pk}).content.decode()

    assert "No shift of the next four weeks changes." in same
    assert "Nobody of this rotation has a verified contact method" in same
    assert "<td>Ada</td><td><strong>Ben</strong></td>" in other
    assert "verified contact" not in other
    assert "<title>" in page
    assert "Nothing has been saved." in page
    assert list(Layer.objects.values()) == rows
    check_no_inline_style_or_script(administrator.get(url(Layer, "change", layer.pk)).content.decode())


def test_a_preview_of_a_form_that_cannot_be_read_says_why(administrator):
    layer = ScheduleFactory().layers.get()

    answer = preview(administrator, layer, length="0", anchor="soon").content.decode()

    assert "Length: Ensure this value is greater than or equal to 1." in answer
    assert "Anchor: “soon” is not a wall-clock time." in answer


def test_a_preview_of_a_new_layer_counts_it_in(administrator):
    schedule = ScheduleFactory(people=[UserFactory(name="Ada")])
    data = filled(administrator, f"{url(Layer, 'add')}?schedule={schedule.pk}")
    data |= {"name": "Top", "priority": "5", "anchor": "2026-01-05T09:00", "people-0-slot": "1"}
    data |= {"people-0-user": UserFactory(name="Ben").pk}

    answer = administrator.post(url(Layer, "preview_new"), data, headers={"X-Requested-With": "fetch"})

    assert "<td>Ada</td><td><strong>Ben</strong></td>" in answer.content.decode()
    assert Layer.objects.count() == 1


def test_a_preview_is_for_administrators(client):
    layer = ScheduleFactory().layers.get()
    sign_in(client, UserFactory())

    assert client.post(url(Layer, "preview", layer.pk)).status_code == 302


def override(client, schedule, **said):
    data = filled(client, url(Schedule, "change", schedule.pk))
    now = timezone.now()
    times = {
        "start_0": f"{now - timedelta(hours=1):%Y-%m-%d}",
        "start_1": f"{now - timedelta(hours=1):%H:%M:%S}",
        "end_0": f"{now + timedelta(days=1):%Y-%m-%d}",
        "end_1": f"{now + timedelta(days=1):%H:%M:%S}",
    }
    add_row(data, "overrides", **(times | said))
    return client.post(url(Schedule, "change", schedule.pk), data)


def test_r82_an_override_is_made_with_the_name_of_who_made_it(client):
    root, ada, ben = UserFactory(access="administrator"), UserFactory(name="Ada"), UserFactory(name="Ben")
    sign_in(client, root)
    schedule = ScheduleFactory(people=[ada])

    override(client, schedule, kind="replace", person=ben.pk, replaces=ada.pk)

    assert on_call(schedule) == ["Ben"]
    assert Override.objects.get().by == root


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"kind": "replace"}, "Say who is replaced."),
        ({"kind": "add", "replaces": True}, "Only a replacement names whom. Leave this empty."),
        ({"kind": "add", "end_0": "2020-01-01"}, "Choose an end after the start."),
    ],
)
def test_an_override_that_contradicts_itself_is_refused(administrator, said, words):
    ada, ben = UserFactory(), UserFactory()
    schedule = ScheduleFactory(people=[ada])
    said = {name: ada.pk if value is True else value for name, value in said.items()}

    answer = override(administrator, schedule, person=ben.pk, **said)

    assert errors_of(answer) == [words]


def test_an_override_that_has_begun_is_ended_not_removed(administrator):
    schedule = ScheduleFactory()
    override(administrator, schedule, kind="add", person=UserFactory(name="Ben").pk)

    send(administrator, url(Schedule, "change", schedule.pk), **{"overrides-0-DELETE": "on"})

    row = Override.objects.get()
    assert row.start < row.end <= timezone.now()


def test_o49_an_override_that_contradicts_another_is_refused_in_words(administrator):
    ada, ben, cy = (UserFactory(name=name) for name in ("Ada", "Ben", "Cy"))
    schedule = ScheduleFactory(people=[ada])
    override(administrator, schedule, kind="replace", person=ben.pk, replaces=ada.pk)

    answer = override(administrator, schedule, kind="replace", person=cy.pk, replaces=ada.pk)

    assert errors_of(answer)[0].startswith("Ada is replaced by Ben")
    assert Override.objects.count() == 1


def span(start, end, prefix=""):
    moments = {"start": start, "end": end}
    return {
        f"{prefix}{name}_{part}": f"{moment:{form}}"
        for name, moment in moments.items()
        for part, form in enumerate(("%Y-%m-%d", "%H:%M:%S"))
    }


def test_a_temporary_schedule_is_made_changed_and_ended_through_the_deeds(administrator):
    ada, ben = UserFactory(name="Ada"), UserFactory(name="Ben")
    schedule, now = ScheduleFactory(people=[ada]), timezone.now()
    times = span(now - timedelta(hours=1), now + timedelta(days=1))
    data = filled(administrator, url(TemporarySchedule, "add")) | {"schedule": schedule.pk} | times

    refused = administrator.post(url(TemporarySchedule, "add"), data)
    data |= {"shifts-0-person": ben.pk} | {f"shifts-0-{name}": value for name, value in times.items()}
    administrator.post(url(TemporarySchedule, "add"), data)

    assert errors_of(refused) == ["Write down at least one shift."]
    assert on_call(schedule) == ["Ben"]
    row = TemporarySchedule.objects.get()
    send(administrator, url(TemporarySchedule, "change", row.pk), **{"shifts-0-person": ada.pk})
    assert on_call(schedule) == ["Ada"]
    running = TemporarySchedule.objects.latest("pk")
    administrator.post(
        url(TemporarySchedule, "changelist"),
        {"action": "end_now", "_selected_action": [running.pk], "confirmed": "yes"},
    )
    running.refresh_from_db()
    assert running.end <= timezone.now()
    assert administrator.post(url(TemporarySchedule, "change", running.pk), {}).status_code == 403


def test_leave_is_told_and_ended_through_the_deeds(administrator):
    ada, now = UserFactory(name="Ada"), timezone.now()
    data = filled(administrator, url(Leave, "add")) | {"person": ada.pk}
    times = span(now - timedelta(hours=1), now + timedelta(days=1))

    administrator.post(url(Leave, "add"), data | times)
    again = administrator.post(url(Leave, "add"), data | times)
    over = administrator.post(
        url(Leave, "add"), data | span(now + timedelta(days=3), now + timedelta(days=900)), follow=True
    )

    leave = Leave.objects.get()
    assert "This person is on leave in a part of this time already." in errors_of(again)
    assert texts(over) == ["Choose an end within 366 days of the start."]
    administrator.post(
        url(Leave, "changelist"), {"action": "end_now", "_selected_action": [leave.pk], "confirmed": "yes"}
    )
    leave.refresh_from_db()
    assert leave.end <= timezone.now()


def test_an_override_that_lies_ahead_is_removed(administrator):
    schedule = ScheduleFactory()
    tomorrow = f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"
    override(
        administrator,
        schedule,
        kind="add",
        person=UserFactory().pk,
        start_0=tomorrow,
        end_1="23:59:59",
        start_1="00:00",
    )
    assert Override.objects.exists()

    send(administrator, url(Schedule, "change", schedule.pk), **{"overrides-0-DELETE": "on"})

    assert not Override.objects.exists()


def test_history_of_a_schedule_tells_of_its_layers_and_people(administrator):
    schedule = ScheduleFactory(people=[UserFactory(name="Ada")])
    send(administrator, url(Layer, "change", schedule.layers.get().pk), priority="3")

    page = administrator.get(url(Schedule, "history", schedule.pk)).content.decode()

    assert "Added: layer person" in page
    assert "User: Ada" in page
    assert "Priority: 3" in page
