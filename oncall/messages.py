"""What a message says: short, the severity and the service first, then what to do. One reference, one link."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from incidents.models import Incident, Notice
from oncall.channels.contract import Message
from oncall.models import Act, Channel, Delivery, Page

SALT = "tocsin.page"
SHORT = {Channel.SMS, Channel.VOICE}


def compose(delivery: Delivery) -> Message:
    """Write the message of a delivery (its page or notice, incident and severity loaded); a canary says little."""
    if delivery.page is not None:
        subject, text, link = _of_page(delivery.page, delivery.channel)
    elif delivery.notice is not None:
        subject, text, link = _of_notice(delivery.notice)
    else:
        subject, text, link = "Canary", "The way of a page is open.", ""
    return Message(
        key=delivery.dedupe_key.replace(":", "-"),
        delivery_id=delivery.pk,
        person_id=delivery.person_id,
        channel=delivery.channel,
        address=delivery.address,
        subject=subject[:200],
        text=text,
        link=link,
    )


def token_of(page: Page) -> str:
    """The signed word in a page's one-tap link: it acts for this person on this page, nothing else."""
    return signing.dumps([page.pk, page.person_id], salt=SALT, compress=True)


def page_of(token: str) -> Page:
    """The page behind a one-tap link.

    Raises:
        Page.DoesNotExist: the token was not made here, or the page is gone.
    """
    try:
        pk, person_id = signing.loads(token, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise Page.DoesNotExist from error
    shown = ("incident__severity", "incident__service", "incident__held_by", "person", "run")
    return Page.objects.select_related(*shown).get(pk=pk, person_id=person_id)


def answer_url(page: Page) -> str:
    """The one-tap link of a page."""
    return settings.PUBLIC_URL + reverse("oncall:answer", args=[token_of(page)])


def _of_page(page: Page, channel: str) -> tuple[str, str, str]:
    incident: Incident = page.incident
    head = f"{incident.prefix}{incident.severity}: {incident.title} ({incident.ref})"
    link = answer_url(page) if page.act == Act.PAGE else settings.PUBLIC_URL + incident.get_absolute_url()
    if channel in SHORT:
        what = f"{incident.prefix}{incident.severity.label} {incident.service}: {incident.title}"
        return head, f"{what}. {incident.ref}. {_ask(page)} {link}", link
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
    if incident.summary:
        lines[2:2] = ["", incident.summary[:1000]]
    return head, "\n".join(lines), link


def _ask(page: Page) -> str:
    return "Take it:" if page.act == Act.PAGE else "For your information; no answer is asked. Follow it:"


def _of_notice(notice: Notice) -> tuple[str, str, str]:
    prefix = notice.incident.prefix if notice.incident else ""
    link = settings.PUBLIC_URL + notice.path if notice.path else ""
    return prefix + notice.subject, "\n\n".join(part for part in (prefix + notice.text, link) if part), link
