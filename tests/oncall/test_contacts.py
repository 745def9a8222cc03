"""Contact methods: proved by a code, tested by their owner, switched off by the phone, gone when not proved."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from incidents import due
from incidents.refusals import Invalid, NotAllowed, TransitionError
from oncall import contacts, messages, probes, sealing, sending, ways
from oncall.models import Channel, ContactMethod, Delivery, DeliveryState, Probe, SandboxMessage
from tests.factories import ContactMethodFactory, UserFactory
from tests.oncall.conftest import story
from tests.providers.twilio import NUMBER

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ada():
    return UserFactory(name="Ada")


@pytest.fixture
def unproved(ada, settings):
    """A number of Ada's that waits for its code; the sandbox stands in."""
    settings.SANDBOX = True
    return contacts.add(ada, channel=Channel.SMS, address=NUMBER, verified=False, at=timezone.now())


def code_sent(method):
    """The code as the phone shows it."""
    sending.send_due(method.channel, at=due.database_now())
    shown = SandboxMessage.objects.filter(delivery__method=method).order_by("pk").last()
    return re.search(r"\b\d{6}\b", shown.text)[0]


def ask_code(method, **later):
    return probes.send_code(method, by=method.user, at=timezone.now() + timedelta(**later))


def test_a_code_goes_over_the_method_itself_and_proves_it(ada, unproved):
    ask_code(unproved)
    code = code_sent(unproved)

    assert probes.verify(unproved, f" {code[:3]} {code[3:]} ", by=ada, at=timezone.now())

    unproved.refresh_from_db()
    assert (unproved.is_usable, unproved.expires_at) == (True, None)


def test_the_code_is_kept_nowhere(unproved):
    probe = ask_code(unproved)
    code = messages.code_of(probe)

    assert code not in str(list(Probe.objects.values())) + str(list(Delivery.objects.values()))


def test_a_wrong_code_counts_and_after_five_the_right_one_is_worth_nothing(ada, unproved):
    ask_code(unproved)
    code = code_sent(unproved)
    wrong = "000000" if code != "000000" else "000001"

    assert [probes.verify(unproved, wrong, by=ada, at=timezone.now()) for _ in range(5)] == [False] * 5
    with pytest.raises(Invalid, match="tried too often"):
        probes.verify(unproved, code, by=ada, at=timezone.now())

    unproved.refresh_from_db()
    assert not unproved.is_usable


def test_a_code_grows_old_and_a_new_one_ends_it(ada, unproved):
    ask_code(unproved)
    first = code_sent(unproved)
    with pytest.raises(Invalid, match="send a new one"):
        probes.verify(unproved, first, by=ada, at=timezone.now() + 16 * MINUTE)

    ask_code(unproved)
    second = code_sent(unproved)
    if first != second:
        assert not probes.verify(unproved, first, by=ada, at=timezone.now())
    assert probes.verify(unproved, second, by=ada, at=timezone.now())


def test_codes_are_sent_three_times_in_a_quarter_of_an_hour_at_most(unproved):
    for _ in range(3):
        ask_code(unproved)
    with pytest.raises(TransitionError, match="quarter of an hour"):
        ask_code(unproved)

    ask_code(unproved, minutes=16)


def test_a_person_cannot_have_codes_sent_to_any_number_of_numbers(ada):
    at = timezone.now()
    for number in range(contacts.UNVERIFIED):
        contacts.add(ada, channel=Channel.SMS, address=f"+4915100000{number:02}", verified=False, at=at)
    with pytest.raises(TransitionError, match="wait for their codes"):
        contacts.add(ada, channel=Channel.SMS, address="+4915100000999", verified=False, at=at)

    for number in range(contacts.UNVERIFIED, contacts.ADDED):
        contacts.remove(ada.contact_methods.first(), by=ada)
        contacts.add(ada, channel=Channel.SMS, address=f"+4915100000{number:02}", verified=False, at=at)
    contacts.remove(ada.contact_methods.first(), by=ada)
    with pytest.raises(TransitionError, match="Wait an hour"):
        contacts.add(ada, channel=Channel.SMS, address="+4915100000999", verified=False, at=at)


def test_what_is_not_verified_is_never_paged_but_gets_its_code(unproved):
    ask_code(unproved)
    sending.send_due(Channel.SMS, at=due.database_now())

    assert Delivery.objects.get().state == DeliveryState.DELIVERED
    assert not unproved.is_usable


def test_o28_only_the_owner_sends_a_test_or_a_code(ada):
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)
    other = UserFactory()

    for deed in (
        lambda: probes.send_test(method, by=other, at=timezone.now()),
        lambda: probes.send_code(method, by=other, at=timezone.now()),
        lambda: probes.verify(method, "123456", by=other, at=timezone.now()),
        lambda: contacts.remove(method, by=other),
        lambda: contacts.prefer(method, by=other),
        lambda: contacts.switch(method, on=False, by=other, at=timezone.now()),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert not Delivery.objects.exists()


def test_a_test_says_that_it_is_one(ada, settings):
    settings.SANDBOX = True
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)

    probes.send_test(method, by=ada, at=timezone.now())
    sending.send_due(Channel.SMS, at=due.database_now())

    assert "This is a test that you asked for" in SandboxMessage.objects.get().text


def test_a_code_by_phone_is_spoken_digit_by_digit_and_takes_no_keys(ada, twilio):
    method = contacts.add(ada, channel=Channel.VOICE, address=NUMBER, verified=False, at=timezone.now())
    probe = ask_code(method)

    sending.send_due(Channel.VOICE, at=due.database_now())

    said = twilio.asked[0].form["Twiml"]
    assert said.count(f"Your code is: {', '.join(messages.code_of(probe))}.") == 2
    assert "Gather" not in said


def test_o29_what_is_not_verified_in_a_day_goes_with_its_code(ada, unproved):
    ask_code(unproved)
    kept = ContactMethodFactory(user=ada, channel=Channel.EMAIL, address="ada@example.com")

    due.settle(timezone.now() + timedelta(hours=23))
    assert ContactMethod.objects.count() == 2
    due.settle(timezone.now() + timedelta(hours=25))

    assert list(ContactMethod.objects.all()) == [kept]
    assert not Probe.objects.exists()
    assert not Delivery.objects.filter(probe__isnull=False).exists()


def test_o31_a_method_removed_after_queueing_fails_visibly(chain, settings):
    settings.SANDBOX = True
    incident = chain.declare(2, at=timezone.now() - timedelta(seconds=1))
    due.settle(due.database_now())
    contacts.remove(chain.ada.contact_methods.get(channel=Channel.EMAIL), by=chain.ada)

    sending.send_due(Channel.EMAIL, at=due.database_now())

    assert "E-mail to Ada failed: the contact method is gone, disabled or not verified." in story(incident)


def test_the_first_is_the_one_that_was_made_so(ada):
    one, two, three = (ContactMethodFactory(user=ada, channel=Channel.EMAIL, address=f"{n}@example.com") for n in "abc")

    contacts.prefer(three, by=ada)

    assert list(ada.contact_methods.order_by("position", "pk")) == [three, one, two]


def test_o23_a_stopped_method_warns_and_its_owner_can_switch_it_on(ada):
    method = ContactMethodFactory(user=ada, channel=Channel.SMS, address=NUMBER)
    contacts.stop([method], at=timezone.now())

    [nobody, warning] = ways.warnings(ways.of(ada, timezone.now()))
    assert nobody.startswith("No page can reach you")
    assert "off because the phone texted STOP" in warning

    contacts.switch(method, on=True, by=ada, at=timezone.now())
    assert ways.warnings(ways.of(ada, timezone.now())) == []


def test_the_board_needs_no_code(ada):
    assert contacts.add(ada, channel=Channel.IN_APP, address="board", verified=False, at=timezone.now()).is_usable


def test_a_sealed_address_comes_back_whole_and_under_another_key_not_at_all(settings):
    sealed = sealing.seal("mmost://secret")

    assert sealing.unseal(sealed) == "mmost://secret"
    assert "secret" not in sealed
    settings.SECRET_KEY = "another key of which nobody need be afraid to read it here"
    with pytest.raises(sealing.Unreadable):
        sealing.unseal(sealed)
    assert sealing.seal("") == sealing.unseal("") == ""
