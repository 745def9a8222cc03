"""One section being written: by form, saved by itself, seen before it is saved, by several people at once."""

import itertools
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from incidents import prose
from incidents.refusals import Invalid, Refusal
from incidents.requests import SignedInRequest
from postmortems import editing, library, writers
from postmortems.editing import Conflict
from postmortems.forms import SectionForm
from postmortems.library import Standing
from postmortems.merging import Pick
from postmortems.models import Section, SideText
from postmortems.requests import section_to_write


@require_http_methods(["GET", "POST"])
@login_required
def edit_section(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """Write one section; a refused text comes back as it was typed, with what to do about it."""
    at = timezone.now()
    standing, section = section_to_write(request, number, key, at)
    there = f"{reverse('postmortems:detail', args=[number])}#{section.key}"
    if request.method == "GET" and standing.is_published:
        messages.info(request, "This postmortem was published and is not edited any more.")
        return redirect(there)
    context = _context(request, standing, section, at)
    if request.method == "GET":
        return _ask(request, section, SectionForm(initial=_begin(request, section, context["aside"])), context)
    form = SectionForm(request.POST)
    if not form.is_valid():
        return _ask(request, section, form, context, status=422)
    if request.POST.get("how") == "preview":
        return _ask(request, section, form, context | {"preview": prose.render(form.cleaned_data["text"])})
    try:
        saved = _save(request, section, form, at)
    except Conflict as conflict:
        return _ask_whose(request, conflict, context, at)
    except Refusal as refusal:
        form.add_error("text" if isinstance(refusal, Invalid) else None, str(refusal))
        return _ask(request, section, form, context, status=422)
    writers.leave(section, by=request.user)
    messages.success(request, _say_saved(section, saved, form.cleaned_data["text"], request.POST.get("how")))
    return HttpResponseClientRedirect(there) if request.htmx else redirect(there)


def _context(request: SignedInRequest, standing: Standing, section: Section, at: datetime) -> dict[str, Any]:
    aside = SideText.objects.filter(section=section, by=request.user).first()
    return {"at": at, "standing": standing, "incident": standing.incident, "aside": aside}


def _begin(request: SignedInRequest, section: Section, aside: SideText | None) -> dict[str, Any]:
    """The text from which the writing begins: the section's, or what was kept for the person."""
    if aside is not None and request.GET.get("take") == "aside":
        return {"text": aside.text, "base_version": aside.base_version}
    return {"text": section.text, "base_version": section.version}


def _save(request: SignedInRequest, section: Section, form: SectionForm, at: datetime) -> Section:
    said = dict(form.cleaned_data)
    if request.POST.get("how") == "choose":
        began = _version(request.POST.get("began", ""))
        try:
            said["text"] = editing.decide(
                section, mine=said["text"], began=began, base_version=said["base_version"], picks=_picks(request)
            )
        except Invalid as refusal:  # shown with the places again, as they stand now
            conflict = editing.conflict_of(section, mine=said["text"], began=began, at=at)
            raise conflict.because(str(refusal)) from refusal
    return editing.save_section(section, by=request.user, at=at, **said)


def _picks(request: SignedInRequest) -> dict[int, Pick]:
    given = {name.removeprefix("pick-"): word for name, word in request.POST.items() if name.startswith("pick-")}
    return {int(place): Pick(word) for place, word in given.items() if place.isdigit() and word in set(Pick)}


def _version(said: str) -> int:
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _ask_whose(request: SignedInRequest, conflict: Conflict, context: dict[str, Any], at: datetime) -> HttpResponse:
    """Show both texts place by place; what was typed is kept meanwhile."""
    typed = request.POST.copy()
    began = _version(request.POST.get("began") or request.POST.get("base_version", ""))
    section = Section.objects.get(pk=conflict.theirs.pk)
    editing.keep_aside(section, text=request.POST["text"], base_version=began, by=request.user, at=at)
    typed["base_version"] = str(conflict.theirs.version)
    shown = {**context, "conflict": conflict, "began": began, "aside": None}
    shown["rows"] = _rows(conflict, _picks(request))
    form = SectionForm(typed)
    form.fields["text"].widget.attrs.pop("autofocus")  # what is to be decided stands above it
    return _ask(request, conflict.theirs, form, shown, status=409)


def _rows(conflict: Conflict, picks: dict[int, Pick]) -> list[dict[str, Any]]:
    """The hunks with the number of each place and what was chosen for it so far."""
    rows: list[dict[str, Any]] = []
    places = itertools.count()
    for hunk in conflict.hunks:
        place = next(places) if hunk.is_conflict else None
        texts = {name: "\n".join(getattr(hunk, name)) for name in ("base", "mine", "theirs")}
        rows.append({"hunk": hunk, "place": place, "pick": "" if place is None else picks.get(place, ""), **texts})
    return rows


def _say_saved(section: Section, saved: Section, typed: str, how: str | None) -> str:
    name = section.get_key_display()
    if how != "choose" and saved.text != editing.tidy(typed):
        return f"{name} saved, together with what was saved meanwhile. Read it once more."
    return f"{name} saved."


def _ask(
    request: SignedInRequest, section: Section, form: SectionForm, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    template = "postmortems/_section_form.html" if request.htmx else "postmortems/edit_section.html"
    part = library.part(section, context["standing"].document)
    return render(request, template, {**context, "part": part, "form": form}, status=status)


@require_POST
@login_required
def autosave(request: SignedInRequest, number: int, key: str) -> JsonResponse:
    """Save what is being typed; answers ``{version, at, text?}``, with a text where another one was brought in.

    409 ``{words}``: it contradicts what somebody else saved, and is kept aside. 422 ``{words}``: refused.
    """
    at = timezone.now()
    _, section = section_to_write(request, number, key, at)
    form = SectionForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"words": " ".join(str(each) for each in form.errors["text"])}, status=422)
    said = form.cleaned_data
    try:
        saved = editing.save_section(section, by=request.user, at=at, **said)
    except Conflict as conflict:
        editing.keep_aside(section, by=request.user, at=at, **said)
        return JsonResponse({"words": str(conflict)}, status=409)
    except Refusal as refusal:
        return JsonResponse({"words": str(refusal)}, status=422)
    answer = {"version": saved.version, "at": f"{at:%H:%M:%S} UTC"}
    if saved.text != editing.tidy(said["text"]):
        answer["text"] = saved.text
    return JsonResponse(answer)


@require_POST
@login_required
def preview(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """What the text will look like."""
    section_to_write(request, number, key, timezone.now())
    return render(request, "postmortems/_preview.html", {"preview": prose.render(request.POST.get("text", ""))})


@require_POST
@login_required
def write_here(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """A browser says that its person writes here, and asks who else does."""
    at = timezone.now()
    _, section = section_to_write(request, number, key, at)
    writers.write_here(section, by=request.user, at=at)
    others = writers.others(section, by=request.user, at=at)
    return render(request, "postmortems/_writers.html", {"others": others})


@require_POST
@login_required
def drop_aside(request: SignedInRequest, number: int, key: str) -> HttpResponse:
    """Throw away what was kept for the person."""
    _, section = section_to_write(request, number, key, timezone.now())
    editing.drop_aside(section, by=request.user)
    messages.success(request, "Thrown away. The section stands as it was saved.")
    return redirect("postmortems:edit-section", number, key)
