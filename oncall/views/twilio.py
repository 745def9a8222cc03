"""What Twilio asks of us: the fate of messages, pressed keys, texts that came in. Each request is signed."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from oncall import keypad, messages, outcomes, texting
from oncall.models import Page

SMS_FATES = {"delivered": True, "undelivered": False, "failed": False}  # others are on their way
CALL_FATES = {"completed": True, "busy": False, "no-answer": False, "failed": False, "canceled": False}
REASONS = {"busy": "the line was busy", "no-answer": "nobody answered", "canceled": "the call was cancelled"}


def signed_by_twilio(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let only Twilio in, by its signature over the address and the form; there is no session to protect."""

    @csrf_exempt
    @require_POST
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not settings.TWILIO_AUTH_TOKEN:
            raise Http404
        address = settings.PUBLIC_URL + request.get_full_path()
        signature = request.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(settings.TWILIO_AUTH_TOKEN).validate(address, request.POST, signature):
            return HttpResponse("The signature is not Twilio's.", status=403, content_type="text/plain")
        return view(request, *args, **kwargs)

    return guarded


@signed_by_twilio
def sms_status(request: HttpRequest, delivery: int, attempt: int) -> HttpResponse:
    """What became of a text message."""
    return _fate(request, delivery, attempt, SMS_FATES, request.POST.get("MessageStatus", ""))


@signed_by_twilio
def call_status(request: HttpRequest, delivery: int, attempt: int) -> HttpResponse:
    """What became of a call."""
    return _fate(request, delivery, attempt, CALL_FATES, request.POST.get("CallStatus", ""))


def _fate(request: HttpRequest, delivery: int, attempt: int, fates: dict[str, bool], status: str) -> HttpResponse:
    if status in fates:
        code = request.POST.get("ErrorCode", "")
        words = REASONS.get(status, f"Twilio says {status}") + (f", error {code}" if code.isdigit() else "")
        outcomes.report(delivery, attempt=attempt, arrived=fates[status], words=words, at=timezone.now())
    return HttpResponse(status=204)


@signed_by_twilio
def keys(request: HttpRequest, token: str) -> HttpResponse:
    """A key that was pressed in a call; answers with what is said next."""
    try:
        page = messages.page_of(token)
    except Page.DoesNotExist:
        return _twiml(keypad.unknown())
    return _twiml(keypad.press(page, request.POST.get("Digits", ""), address=_here(request), at=timezone.now()))


@signed_by_twilio
def sms(request: HttpRequest) -> HttpResponse:
    """A text message that came in; answers with a text, or with nothing."""
    said = request.POST
    answer = texting.receive(
        said.get("From", ""), said.get("Body", ""), provider_id=said.get("MessageSid", ""), at=timezone.now()
    )
    response = MessagingResponse()
    if answer:
        response.message(answer)
    return _twiml(str(response))


def _here(request: HttpRequest) -> str:
    return settings.PUBLIC_URL + request.get_full_path()


def _twiml(text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/xml")
    response["Cache-Control"] = "no-store"
    return response
