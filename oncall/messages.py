"""What a message says: short, the severity and the service first, then what to do. One reference, one link."""

from datetime import datetime

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import salted_hmac

from incidents.models import Incident, Notice, Runbook
from oncall import codes, sealing
from oncall.channels import takes_replies
from oncall.channels.contract import DeliveryError, Message
from oncall.models import Act, Channel, Delivery, Page, Probe, ProbeKind

SALT = "tocsin.page"
SHORT = {Channel.SMS, Channel.VOICE}


def compose(delivery: Delivery, runbook: Runbook | None = None, *, at: datetime) -> Message:
    """Write the message of a delivery (its page or notice, incident and severity loaded); a canary says little."""
    token = speech = ""
    if delivery.page is not None:
        subject, text, link = _of_page(delivery.page, delivery.channel, runbook)
        token = token_of(delivery.page) if delivery.page.act == Act.PAGE else ""
        if delivery.channel == Channel.SMS and takes_replies(Channel.SMS):
            text = _text_of(delivery.page, delivery.address, link, at)
        speech = speech_of(delivery.page) if delivery.channel == Channel.VOICE else ""
    elif delivery.notice is not None:
        subject, text, link = _of_notice(delivery.notice)
    elif delivery.probe is not None:
        subject, text, link = _of_probe(delivery.probe)
        speech = _spoken(delivery.probe) if delivery.channel == Channel.VOICE else ""
    else:
        subject, text, link = "Canary", "The way of a page is open.", ""
    return Message(
        key=delivery.dedupe_key.replace(":", "-"),
        delivery_id=delivery.pk,
        person_id=delivery.person_id,
        channel=delivery.channel,
        address=_whole_address(delivery),
        subject=subject[:200],
        text=text,
        link=link,
        attempt=delivery.attempts,
        token=token,
        speech=speech,
        secret=sealing.signing_secret(delivery.method_id or 0) if delivery.channel == Channel.WEBHOOK else "",
        is_test=delivery.probe is not None,
        facts=_facts(delivery.page) if delivery.page is not None else {},
    )


def _whole_address(delivery: Delivery) -> str:
    """Where it goes: the secret behind a masked address.

    Raises:
        DeliveryError: the secret cannot be read any more.
    """
    if delivery.method is None or not delivery.method.secret:
        return delivery.address
    try:
        return sealing.unseal(delivery.method.secret)
    except sealing.Unreadable:
        raise DeliveryError(
            "SECRET_KEY has changed since the address was added; add it again", permanent=True
        ) from None


def _facts(page: Page) -> dict[str, object]:
    """The page for a program."""
    incident = page.incident
    return {
        "reference": page.reference,
        "act": page.act,
        "incident": {
            "number": incident.number,
            "ref": incident.ref,
            "title": incident.title,
            "severity": incident.severity.label,
            "service": incident.service.slug,
            "kind": incident.kind,
            "detected_at": incident.detected_at.isoformat().replace("+00:00", "Z"),
        },
    }


def code_of(probe: Probe) -> str:
    """The six digits of a probe."""
    digest = salted_hmac("tocsin.probe", f"{probe.pk}:{probe.method_id}:{probe.nonce}", algorithm="sha256").digest()
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def _of_probe(probe: Probe) -> tuple[str, str, str]:
    if probe.kind == ProbeKind.CODE:
        code = code_of(probe)
        return f"{code} is your code", f"Your code for Tocsin is {code}. Nobody from Tocsin will ask you for it.", ""
    return "A test", "This is a test that you asked for in Tocsin: pages reach you here. No answer is asked.", ""


def _spoken(probe: Probe) -> str:
    """Digits one by one, with time to write them down."""
    if probe.kind != ProbeKind.CODE:
        return "Tocsin calls. This is a test that you asked for. Pages reach you here."
    return f"Tocsin calls. Your code is: {', '.join(code_of(probe))}."


def token_of(page: Page) -> str:
    """The signed word in a page's one-tap link: it acts for this person on this page, nothing else."""
    return signing.dumps([page.pk, page.person_id], salt=SALT, compress=True)


def page_of(token: str) -> Page:
    """The page behind a one-tap link.

    Raises:
        Page.DoesNotExist: the token was not made here, or the page is gone, or its person is no longer active.
    """
    try:
        pk, person_id = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise Page.DoesNotExist from error
    shown = ("incident__severity", "incident__service", "incident__held_by", "person", "run")
    return Page.objects.select_related(*shown).get(pk=pk, person_id=person_id, person__is_active=True)


def answer_url(page: Page) -> str:
    """The one-tap link of a page."""
    return settings.PUBLIC_URL + reverse("oncall:answer", args=[token_of(page)])


def _of_page(page: Page, channel: str, runbook: Runbook | None) -> tuple[str, str, str]:
    incident: Incident = page.incident
    head = f"{incident.prefix}{incident.severity}: {incident.title} ({incident.ref})"
    link = answer_url(page) if page.act == Act.PAGE else settings.PUBLIC_URL + incident.get_absolute_url()
    if channel in SHORT:
        return head, f"{_short(page)} {incident.ref}. {_ask(page)} {link}", link
    lines = [
        f"{incident.prefix}{incident.severity} on {incident.service}: {incident.title}",
        "",
        f"Detected {incident.detected_at:%Y-%m-%d %H:%M} UTC, by {incident.get_detection_display().lower()}.",
        f"You are told because: {page.reason}.",
        "",
        f"{_ask(page)}",
        link,
        "",
        f"Reference {page.reference}",
    ]
    if runbook is not None:
        where = reverse("incidents:runbook", args=[incident.number, runbook.pk])
        lines[-2:-2] = ["", f"Runbook {runbook}: {settings.PUBLIC_URL}{where}"]
    if incident.summary:
        lines[2:2] = ["", incident.summary[:1000]]
    return head, "\n".join(lines), link


def _text_of(page: Page, number: str, link: str, at: datetime) -> str:
    """A text message with the codes that answer it, as far as the country of the number allows."""
    text = f"{_short(page)} {page.incident.ref}."
    if codes.may_carry_links(number):
        text += f" {_ask(page)} {link}"
    if page.act != Act.PAGE or not codes.may_be_answered(number):
        return text
    code = codes.of_page(page, number, at=at)
    text += f" Reply {code}a to take it, {code}e if you cannot, {code}c when it is over."
    every, count = codes.of_service(page, number, at=at)
    return f"{text} {count} unacked of {page.incident.service}: {every}aa takes all." if every else text


def speech_of(page: Page) -> str:
    """What a call says: no link, no signs that a voice would spell out."""
    incident = page.incident
    drill = "This is a drill, not real. " if incident.prefix else ""
    asked = "" if page.act == Act.PAGE else " For your information."
    what = f"{incident.severity}, {incident.service}: {incident.title}. Incident {incident.number}."
    return f"{drill}Tocsin calls. {what}{asked}"


def _short(page: Page) -> str:
    incident = page.incident
    return f"{incident.prefix}{incident.severity.label} {incident.service}: {incident.title}."


def _ask(page: Page) -> str:
    return "Take it:" if page.act == Act.PAGE else "For your information; no answer is asked. Follow it:"


def _of_notice(notice: Notice) -> tuple[str, str, str]:
    prefix = notice.incident.prefix if notice.incident else ""
    link = settings.PUBLIC_URL + notice.path if notice.path else ""
    return prefix + notice.subject, "\n\n".join(part for part in (prefix + notice.text, link) if part), link
