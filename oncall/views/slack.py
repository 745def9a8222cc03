"""What Slack brings when somebody presses a button of ours. Each request is signed."""

import json
import logging
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from slack_sdk.signature import SignatureVerifier

from oncall import keypad
from oncall.channels import slack
from oncall.channels.contract import DeliveryError

log = logging.getLogger(__name__)


# There is no session to protect: the signature over body and time is the right to act.
@csrf_exempt
@require_POST
def actions(request: HttpRequest) -> HttpResponse:
    """Do what the button says, and put what happened in its place."""
    if not settings.SLACK_SIGNING_SECRET:
        raise Http404
    headers = {name: str(value) for name, value in request.headers.items()}
    if not SignatureVerifier(settings.SLACK_SIGNING_SECRET).is_valid_request(request.body, headers):
        return HttpResponse("The signature is not Slack's.", status=403, content_type="text/plain")
    try:
        said: dict[str, Any] = json.loads(request.POST.get("payload", ""))
        [action] = said["actions"]
        deed, token, member = str(action["action_id"]), str(action["value"]), str(said["user"]["id"])
    except (ValueError, KeyError, TypeError):
        return HttpResponse("This is no press of a button.", status=400, content_type="text/plain")
    words = keypad.press_button(token, deed, member=member, at=timezone.now())
    _tell(said, words)
    return HttpResponse(status=200)


def _tell(said: dict[str, Any], words: str) -> None:
    """Put the words where the buttons were. What was done is done, whether Slack takes the words or not."""
    try:
        slack.replace(str(said.get("response_url", "")), said.get("message"), words)
    except DeliveryError as error:
        log.warning("Slack did not take the answer to a button: %s", error)
