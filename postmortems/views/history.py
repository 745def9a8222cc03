"""The history of a section: its versions, what changed between two of them, and the way back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from incidents.refusals import Refusal
from incidents.requests import SignedInRequest
from postmortems import editing, revisions
from postmortems.models import Section, SectionRevision
from postmortems.requests import section_to_write, standing_for


@require_GET
@login_required
def history(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """Every version of a section, and two of them compared: ``?from=3&to=5``, else the last two."""
    at = timezone.now()
    standing = standing_for(request, number, at)
    section = Section.objects.filter(postmortem=standing.document, key=key).first()
    if section is None:
        raise Http404
    steps = revisions.steps(section)
    versions = [step.version for step in steps]
    after = _chosen(request.GET.get("to"), versions, versions[0])
    before = _chosen(request.GET.get("from"), versions, next((each for each in versions if each < after), after))
    context: dict[str, Any] = {
        "at": at,
        "standing": standing,
        "incident": standing.incident,
        "section": section,
        "steps": steps,
        "before": before,
        "after": after,
        "pieces": revisions.compare(_text(section, before), _text(section, after)),
        "may_write": request.user.may_declare and not standing.is_published,
    }
    return render(request, "postmortems/history.html", context)


def _chosen(said: str | None, versions: list[int], otherwise: int) -> int:
    return int(said) if said and said.isascii() and said.isdigit() and int(said) in versions else otherwise


def _text(section: Section, version: int) -> str:
    return SectionRevision.objects.values_list("text", flat=True).get(section=section, version=version)


@require_POST
@login_required
def restore(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """Bring a version back as a new one; nothing that came after it is lost."""
    at = timezone.now()
    _, section = section_to_write(request, number, key, at)
    version, seen = (request.POST.get(name, "") for name in ("version", "base_version"))
    old = SectionRevision.objects.filter(section=section, version=int(version) if version.isdecimal() else 0).first()
    if old is None:
        messages.error(request, "There is no such version any more. Choose one of these.")
        return redirect("postmortems:history", number, key)
    base = int(seen) if seen.isdecimal() else 0
    try:
        editing.save_section(section, text=old.text, base_version=base, by=request.user, at=at, together=False)
    except editing.Conflict as conflict:
        by = conflict.theirs.edited_by or "Tocsin"
        messages.error(request, f"{by} saved this section while you looked. Nothing was changed: look again.")
        return redirect("postmortems:history", number, key)
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("postmortems:history", number, key)
    messages.success(request, f"Version {old.version} is back, as a new version.")
    return redirect("postmortems:history", number, key)
