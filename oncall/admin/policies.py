"""Escalation policies, read as a ladder; each level has a page of its own with its targets."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import ValidationError
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from incidents.admin.configuration import ConfigurationAdmin, RowInline, warning
from incidents.admin.history import Branch
from oncall import outlook, policies, recheck
from oncall.admin import ladder
from oncall.models import EscalationLevel, EscalationPolicy, EscalationTarget

EMPTY = "This policy has no levels: it pages nobody."


class PolicyForm(forms.ModelForm):
    """A policy: one in force per service and severity, and none in force that would page nobody."""

    def clean(self) -> dict[str, Any]:
        """Explain what stands in the way of putting the policy into force, or of taking it out."""
        said = super().clean() or self.cleaned_data
        if self.errors:
            return said
        if said["is_active"]:
            self._refuse_a_second(said)
            self._refuse_emptiness(said)
        if _is_last_resort(self.initial) and self.instance.pk and not _is_last_resort(said):
            self.add_error(
                None,
                "This policy catches what no other one covers. It must stay active, for every service and without "
                "a severity.",
            )
        return said

    def _refuse_a_second(self, said: dict[str, Any]) -> None:
        rivals = EscalationPolicy.objects.filter(is_active=True, service=said["service"], severity=said["severity"])
        rival = rivals.exclude(pk=self.instance.pk).order_by("pk").first()
        if rival:
            self.add_error(
                "service",
                f"“{rival}” is in force for {scope(rival)} already. Clear “active” there first, or save this one "
                "without it.",
            )

    def _refuse_emptiness(self, said: dict[str, Any]) -> None:
        if not self.instance.levels.exists():
            self.add_error("is_active", "Add a level first: an active policy without levels pages nobody.")


class NewPolicyForm(PolicyForm):
    """A new policy, which begins with the levels of another one or stays out of force."""

    copy_from = forms.ModelChoiceField(
        EscalationPolicy.objects.order_by("name", "pk"),
        required=False,
        label="Copy the levels of",
        help_text="You can change them afterwards. Leave it empty to begin with none.",
    )

    def _refuse_emptiness(self, said: dict[str, Any]) -> None:
        if not said["copy_from"]:
            self.add_error(
                "copy_from",
                "An active policy needs levels. Choose a policy to copy them from, or clear “active” and add levels "
                "afterwards.",
            )


@admin.register(EscalationPolicy)
class PolicyAdmin(ConfigurationAdmin):
    """Ladders. Runs that have begun keep the copy with which they began."""

    list_display = ["name", "covers", "level_count", "repeat", "falls_back", "is_active"]
    list_filter = ["is_active", "severity", "falls_back"]
    list_select_related = ["service", "severity"]
    search_fields = ["name", "slug", "service__name", "service__slug"]
    ordering = ["-is_active", "service__name", "severity", "pk"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["service"]
    readonly_fields = ["ladder_in_words"]
    branches = (Branch(EscalationLevel, "policy", (Branch(EscalationTarget, "level"),)),)
    about = (None, {"fields": ["name", "slug", "is_active"]})
    scope_fields = (
        "Which incidents",
        {
            "fields": ["service", "severity"],
            "description": "The policy that fits most exactly is used: first the service's own, then the severity's.",
        },
    )
    end_fields = ("When nobody answers", {"fields": ["repeat", "repeat_after", "falls_back", "resume_after"]})

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Ask a new policy where its levels come from."""
        kwargs["form"] = PolicyForm if obj else NewPolicyForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: EscalationPolicy | None = None) -> Any:
        """Show the ladder of a policy that there is."""
        levels = ["ladder_in_words"] if obj else ["copy_from"]
        return [self.about, self.scope_fields, ("Ladder", {"fields": levels}), self.end_fields]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationPolicy]:
        """Count the levels that the list shows."""
        return super().get_queryset(request).annotate(levels_total=Count("levels"))

    def save_model(self, request: HttpRequest, obj: EscalationPolicy, form: Any, change: bool) -> None:
        """Hand over to the deeds; a new policy begins with the levels of another one."""
        if change:
            before = EscalationPolicy.objects.select_related("service", "severity").get(pk=obj.pk)
            policies.edit(obj, **{name: form.cleaned_data[name] for name in form.changed_data})
            if before.is_active and {"is_active", "service", "severity"} & set(form.changed_data):
                self._warn_of_what_is_left(request, before)
        else:
            source = form.cleaned_data["copy_from"]
            policies.establish(obj, ladder.copied(source) if source else [])
        _tell_of_holes(self, request, [obj, before] if change else [obj])

    def _warn_of_what_is_left(self, request: HttpRequest, before: EscalationPolicy) -> None:
        """Say who is told, and when, of the incidents that the policy was for until now."""
        successor = policies.who_takes_over(before)
        if successor is None:
            words = "no policy covers them now, so that the fallback contact alone is paged"
        else:
            words = f"“{successor}” covers them now: " + "; ".join(rung.words for rung in ladder.rungs(successor))
        self.message_user(request, f"For {scope(before)}: {words}.", messages.WARNING)

    def response_add(self, request: HttpRequest, obj: EscalationPolicy, post_url_continue: str | None = None) -> Any:
        """Go on to the ladder."""
        if "_addanother" in request.POST or "_popup" in request.POST:
            return super().response_add(request, obj, post_url_continue)
        self.message_user(request, f"“{obj}” was added. Now look through its ladder.")
        return redirect("admin:oncall_escalationpolicy_change", obj.pk)

    @admin.display(description="For")
    def covers(self, policy: EscalationPolicy) -> str:
        """Which incidents it is for."""
        return scope(policy)

    @admin.display(description="Levels", ordering="levels_total")
    def level_count(self, policy: Any) -> SafeString | int:
        """How many levels it has; none is a warning."""
        return int(policy.levels_total) or warning("None: pages nobody")

    @admin.display(description="Levels")
    def ladder_in_words(self, policy: EscalationPolicy) -> SafeString:
        """The levels in words, each leading to its page."""
        rungs = ladder.rungs(policy)
        context = {"policy": policy, "rungs": rungs, "concern": "" if rungs else warning(EMPTY)}
        return SafeString(render_to_string("admin/oncall/ladder.html", context))


class TargetForm(forms.ModelForm):
    """A target that can be reached."""

    def has_changed(self) -> bool:
        """Take a new row seriously even where it says no more than what is there at first: on call."""
        return self.instance.pk is None or super().has_changed()

    def clean_user(self) -> Any:
        """Refuse people who left; one who left later stays visible in the row."""
        user = self.cleaned_data["user"]
        if user and not user.is_active and "user" in self.changed_data:
            raise ValidationError(f"{user} is inactive and is never paged. Choose somebody else.")
        return user


class TargetFormSet(forms.BaseInlineFormSet):
    """The targets of a level: at least one, unless the level creates a task."""

    def clean(self) -> None:
        """Refuse a level that does nothing."""
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if not form.cleaned_data.get("DELETE")]
        if not kept and not self.instance.task_title:
            raise ValidationError("Say whom this level reaches: add at least one target, or write a task above.")


class TargetInline(RowInline):
    """Whom a level reaches."""

    model = EscalationTarget
    form = TargetForm
    formset = TargetFormSet
    autocomplete_fields = ["schedule", "user"]
    verbose_name, verbose_name_plural = "target", "targets"

    def get_extra(self, request: HttpRequest, obj: EscalationLevel | None = None, **kwargs: Any) -> int:
        """Begin a new level with one row."""
        return 0 if obj else 1


class LevelForm(forms.ModelForm):
    """A level whose delay can be counted, on a place of its own."""

    def clean_position(self) -> int:
        """Refuse a place that is taken; the policy of an old level is not in the form."""
        position = int(self.cleaned_data["position"])
        policy = self.cleaned_data.get("policy") or (self.instance.policy if self.instance.pk else None)
        taken = EscalationLevel.objects.filter(policy=policy, position=position).exclude(pk=self.instance.pk)
        if policy and taken.exists():
            raise ValidationError(f"Another level of this policy has the position {position}. Choose a free one.")
        return position

    def clean(self) -> dict[str, Any]:
        """Refuse business hours of nothing."""
        said = super().clean() or self.cleaned_data
        if said.get("business_hours") and said.get("after") == timedelta(0):
            self.add_error("business_hours", "There is no delay to count in business hours. Write one above.")
        return said


@admin.register(EscalationLevel)
class LevelAdmin(ConfigurationAdmin):
    """One level with its targets, opened from its policy's ladder."""

    form = LevelForm
    actions = None
    list_display = ["words", "policy", "position"]
    list_filter = ["policy", "act", "condition"]
    list_select_related = ["policy"]
    search_fields = ["policy__name", "policy__slug", "task_title"]
    ordering = ["policy__name", "after", "position", "pk"]
    autocomplete_fields = ["policy"]
    inlines = [TargetInline]
    branches = (Branch(EscalationTarget, "level"),)
    fieldsets = [
        (None, {"fields": ["policy", "position"]}),
        ("When", {"fields": [("after", "business_hours"), "condition", "hours"]}),
        (
            "What",
            {
                "fields": ["act", "round_robin", "everyone", "task_title", "proposes"],
                "description": "Whom it reaches stands below.",
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: EscalationLevel | None = None) -> list[str]:
        """A level stays in its policy."""
        return ["policy"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Place a new level after the last one."""
        said: dict[str, Any] = super().get_changeform_initial_data(request)
        if str(said.get("policy", "")).isdecimal():
            last = EscalationLevel.objects.filter(policy=said["policy"]).aggregate(last=Max("position"))["last"]
            said.setdefault("position", (last or 0) + 1)
        return said

    def has_delete_permission(self, request: HttpRequest, obj: EscalationLevel | None = None) -> bool:
        """Allow, except for the last level of a policy in force."""
        if obj is None:
            return True
        return not obj.policy.is_active or obj.policy.levels.exclude(pk=obj.pk).exists()

    @admin.display(description="Level")
    def words(self, level: EscalationLevel) -> str:
        """The level as its ladder says it."""
        return ladder.say(level)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Say which paths reach nobody now."""
        super().save_related(request, form, formsets, change)
        recheck.soon()
        _tell_of_holes(self, request, [form.instance.policy])

    def delete_model(self, request: HttpRequest, obj: EscalationLevel) -> None:
        """Say which paths reach nobody now."""
        policy = obj.policy
        super().delete_model(request, obj)
        recheck.soon()
        _tell_of_holes(self, request, [policy])

    def response_post_save_add(self, request: HttpRequest, obj: EscalationLevel) -> HttpResponseRedirect:
        """Return to the ladder."""
        return redirect("admin:oncall_escalationpolicy_change", obj.policy_id)

    def response_post_save_change(self, request: HttpRequest, obj: EscalationLevel) -> HttpResponseRedirect:
        """Return to the ladder."""
        return redirect("admin:oncall_escalationpolicy_change", obj.policy_id)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Return to the ladder."""
        level = self.get_object(request, unquote(object_id))
        answer = super().delete_view(request, object_id, extra_context)
        if level and answer.status_code == HTTPStatus.FOUND:
            return redirect("admin:oncall_escalationpolicy_change", level.policy_id)
        return answer

    def get_queryset(self, request: HttpRequest) -> QuerySet[EscalationLevel]:
        """Load what the words need."""
        return super().get_queryset(request).prefetch_related(*ladder.TARGETS)


def _tell_of_holes(page: admin.ModelAdmin, request: HttpRequest, concerned: Sequence[EscalationPolicy]) -> None:
    """Warn of every hole on the paths that the policies are for, before or after the edit."""
    for text in outlook.of_policies(concerned, at=timezone.now()):
        page.message_user(request, text, messages.WARNING)


def scope(policy: EscalationPolicy) -> str:
    """Which incidents a policy is for, in words."""
    service = str(policy.service) if policy.service else "every service"
    severity = policy.severity.label if policy.severity else "severities without a policy of their own"
    return f"{service}, {severity}"


def _is_last_resort(values: Mapping[str, Any]) -> bool:
    return bool(values.get("is_active")) and values.get("service") is None and values.get("severity") is None
