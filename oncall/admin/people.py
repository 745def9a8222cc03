"""How people can be reached: shown on their own page too, which the ground floor registered without it.

The ground floor must not know contact methods. So its page is extended here and registered in its place, which is how
Django itself means a user's page to be extended.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from incidents.admin.configuration import ConfigurationAdmin, RowInline
from incidents.admin.history import Branch
from incidents.admin.people import OrganisationAdmin, PersonAdmin
from incidents.models import Organisation, User
from incidents.refusals import Invalid
from oncall import contacts, sealing
from oncall.models import ContactMethod, NotificationRule, Reachability
from oncall.reach import usable_methods


class MethodForm(forms.ModelForm):
    """A contact method; two ticks stand for the times at which it was verified and disabled."""

    verified = forms.BooleanField(required=False, help_text="You know that the address is theirs.")
    in_use = forms.BooleanField(required=False, initial=True, help_text="Clear this to keep it without using it.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["verified"] = self.instance.verified_at is not None
            self.initial["in_use"] = self.instance.disabled_at is None

    def clean(self) -> dict[str, Any]:
        """Hold the address against its channel; another address has to be verified anew."""
        said = super().clean() or self.cleaned_data
        if said.get("channel") and said.get("address"):
            try:
                said["address"] = self._fitted(said["channel"], said["address"])
            except Invalid as refusal:
                self.add_error("address", str(refusal))
        return said

    def _fitted(self, channel: str, address: str) -> str:
        """Take a fresh address in; one that was left alone, and may be shown masked, stays as it is kept."""
        if self.instance.pk and not {"channel", "address"} & set(self.changed_data):
            return address
        fitted = contacts.fitting(channel, address)
        self.instance.secret = sealing.seal(fitted.secret)
        return fitted.address

    def _post_clean(self) -> None:
        """Translate the ticks into times."""
        super()._post_clean()  # type: ignore[misc]
        now, said = timezone.now(), self.cleaned_data
        moved = {"channel", "address"} & set(self.changed_data) and "verified" not in self.changed_data
        verified = said.get("verified") and not (self.instance.pk and moved)
        self.instance.verified_at = (self.instance.verified_at or now) if verified else None
        self.instance.expires_at = None
        self.instance.disabled_why = "" if said.get("in_use") else self.instance.disabled_why
        self.instance.disabled_at = None if said.get("in_use") else (self.instance.disabled_at or now)


class MethodInline(RowInline):
    """How a person can be reached, in the order of preference."""

    model = ContactMethod
    form = MethodForm
    fields = ["channel", "address", "position", "verified", "in_use"]
    ordering = ["position", "pk"]


class RuleInline(RowInline):
    """Ways beyond those of the severity, and when; on P0 and P1 the severity's channels are always used."""

    model = NotificationRule
    fields = ["band", "channel", "delay"]
    ordering = ["-band", "delay", "pk"]


class ReachabilityInline(RowInline):
    """Quiet hours for what can wait, and the method of last resort."""

    model = Reachability
    fields = ["quiet_from", "quiet_until", "fallback_method"]
    autocomplete_fields = ["fallback_method"]
    max_num = 1


@admin.register(ContactMethod)
class MethodAdmin(ConfigurationAdmin):
    """All contact methods, to find a number again or those that wait for verification."""

    form = MethodForm
    list_display = ["user", "channel", "address", "position", "verified_at", "disabled_at"]
    list_filter = ["channel", ("verified_at", admin.EmptyFieldListFilter), ("disabled_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__name", "user__email", "address"]
    ordering = ["user__name", "position", "pk"]
    date_hierarchy = "created_at"
    autocomplete_fields = ["user"]
    readonly_fields = ["created_at"]
    fields = ["user", "channel", "address", "position", "verified", "in_use", "created_at"]


admin.site.unregister([User, Organisation])


@admin.register(User)
class ReachablePersonAdmin(PersonAdmin):
    """The page of a person with the ways to reach them."""

    inlines = [*PersonAdmin.inlines, MethodInline, RuleInline, ReachabilityInline]
    branches = (
        *PersonAdmin.branches,
        Branch(ContactMethod, "user"),
        Branch(NotificationRule, "user"),
        Branch(Reachability, "user"),
    )
    list_display = [*PersonAdmin.list_display, "ways"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Load the ways that the list shows."""
        return super().get_queryset(request).prefetch_related("contact_methods")

    @admin.display(description="Reached by")
    def ways(self, person: User) -> str:
        """The channels that can be used now, in their order."""
        methods = sorted(person.contact_methods.all(), key=lambda method: (method.position, method.pk))
        names = dict.fromkeys(str(method.get_channel_display()) for method in methods if method.is_usable)
        return ", ".join(names) or "nothing yet"


@admin.register(Organisation)
class ReachableOrganisationAdmin(OrganisationAdmin):
    """The organisation's page, which also says when its fallback contact cannot be reached."""

    def concern(self, organisation: Organisation) -> str:
        """Look at the contact methods too."""
        found = super().concern(organisation)
        contact = organisation.fallback
        if found or contact is None or usable_methods([contact.pk]):
            return found
        return f"{contact} has no verified contact method in use and cannot be paged. Add one on their page."
