"""People, teams, the organisation, and the tokens that act for people."""

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents import enrolling, people
from incidents.admin.configuration import ConfigurationAdmin, RowInline, signed_in, warning
from incidents.admin.history import Branch
from incidents.admin.readonly import ReadOnly
from incidents.models import Access, ApiToken, Holiday, Membership, Organisation, Scope, Team, User
from incidents.refusals import Refusal


class PersonForm(forms.ModelForm):
    """What an administrator may change of a person; the last administrator stays one."""

    def clean_email(self) -> str:
        """Keep addresses in small letters, as sign-in compares them."""
        return str(self.cleaned_data["email"]).lower()

    def clean_access(self) -> str:
        """Refuse to leave the product without an administrator."""
        access = str(self.cleaned_data["access"])
        if self.initial.get("access") == Access.ADMINISTRATOR != access and self.instance.is_active:
            try:
                people.require_another_administrator(self.instance)
            except Refusal as refusal:
                raise ValidationError(str(refusal)) from refusal
        return access


class NewPersonForm(PersonForm):
    """A new person, with or without a password."""

    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text="You may leave this empty: the person then chooses a password through “Forgot your password?” on "
        "the sign-in page, which sends a link to the e-mail address above.",
    )

    def _post_clean(self) -> None:
        """Hold the password against the rules once the person's name and address are known."""
        super()._post_clean()  # type: ignore[misc]
        password = self.cleaned_data.get("password")
        if password:
            try:
                validate_password(password, self.instance)
            except ValidationError as error:
                self.add_error("password", error)


class TokenForm(forms.Form):
    """What is asked when a token is made."""

    name = forms.CharField(max_length=80, required=False, help_text="What it is for, so that it can be revoked later.")
    scope = forms.ChoiceField(
        choices=Scope.choices,
        initial=Scope.WRITE,
        help_text="Read: look only. Write: declare, acknowledge, write. Administer: also configuration.",
    )


class TeamsOfPersonInline(RowInline):
    """The teams of a person."""

    model = Membership
    autocomplete_fields = ["team"]
    verbose_name, verbose_name_plural = "team", "teams"


@admin.register(User)
class PersonAdmin(ConfigurationAdmin, UserAdmin):
    """People: made here, deactivated here, never deleted."""

    form, add_form = PersonForm, NewPersonForm
    add_form_template = None
    list_display = ["name", "email", "team_names", "access", "is_active", "time_zone"]
    list_filter = ["is_active", "access", "teams"]
    list_display_links = ["name"]
    search_fields = ["name", "email", "memberships__team__name"]
    ordering = ["name", "pk"]
    filter_horizontal = ()
    inlines = [TeamsOfPersonInline]
    readonly_fields = ["standing", "sign_in", "last_login", "created_at"]
    actions = ["make_token", "deactivate", "reactivate", "remove_second_factor"]
    buttons = ("make_token", "deactivate", "reactivate", "remove_second_factor")
    branches: tuple[Branch, ...] = (Branch(Membership, "user"),)
    fieldsets = [
        (None, {"fields": ["name", "email", "time_zone", "access"]}),
        ("Account", {"fields": ["standing", "sign_in", "last_login", "created_at"]}),
        ("Incidents", {"fields": ["skills"]}),
        ("Taste", {"fields": ["theme"], "classes": ["collapse"]}),
    ]
    add_fieldsets = [(None, {"fields": ["name", "email", "time_zone", "access", "password"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Load the teams that the list shows."""
        return super().get_queryset(request).prefetch_related("memberships__team")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Offer active people alone where somebody is being chosen."""
        if request.path.endswith("/autocomplete/"):
            queryset = queryset.filter(is_active=True)
        return super().get_search_results(request, queryset, search_term)

    @admin.display(description="Teams")
    def team_names(self, person: User) -> str:
        """The teams, with the rank in each."""
        rows = sorted(person.memberships.all(), key=lambda row: row.team.name)
        return ", ".join(f"{row.team} ({row.get_rank_display().lower()})" for row in rows)

    @admin.display(description="Status")
    def standing(self, person: User) -> str:
        """Active, or since when not; the buttons above change it."""
        if person.is_active:
            return "Active: may sign in and be paged."
        since = f" since {person.deactivated_at:%Y-%m-%d %H:%M} UTC" if person.deactivated_at else ""
        return f"Inactive{since}: cannot sign in and is never paged. Everything they wrote stays."

    @admin.display(description="Sign-in")
    def sign_in(self, person: User) -> SafeString:
        """How the person signs in, with the way to a new password."""
        link = reverse("admin:auth_user_password_change", args=[person.pk])
        has, change = ("Has a password", "Change it") if person.has_usable_password() else ("No password", "Set one")
        factors = Authenticator.objects.filter(user=person).exists()
        second = "A second factor is set up." if factors else "No second factor."
        return format_html('{}. <a href="{}">{}</a>. {}', has, link, change, second)

    def buttons_for(self, request: HttpRequest, row: User) -> list[tuple[str, str]]:
        """Offer what can be done to this person now."""
        idle = {"reactivate"} if row.is_active else {"deactivate", "make_token"}
        if not Authenticator.objects.filter(user=row).exists():
            idle.add("remove_second_factor")
        return [(name, label) for name, label in super().buttons_for(request, row) if name not in idle]

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Hand a new person to the deed; a changed address ends what sign-in kept of the old one."""
        if not change:
            said = form.cleaned_data
            names = ("email", "name", "time_zone", "access")
            made = enrolling.enrol(password=said["password"] or None, **{name: said[name] for name in names})
            obj.pk, obj.password = made.pk, made.password
            obj._state.adding = False
            return
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            people.forget_former_addresses(obj)

    @admin.action(description="Deactivate")
    def deactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """End the access of the chosen people."""
        text = "From now on they cannot sign in and are not paged. In every rotation the next one takes over."
        if question := self.confirm(request, queryset, text=text, yes="Deactivate"):
            return question
        return self._do(request, queryset, people.deactivate, done="{} is inactive now.")

    @admin.action(description="Reactivate")
    def reactivate(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Let the chosen people in again."""
        text = "They can sign in and be paged again. Put them back into rotations by hand."
        if question := self.confirm(request, queryset, text=text, yes="Reactivate"):
            return question
        return self._do(request, queryset, people.reactivate, done="{} is active now.")

    @admin.action(description="Remove the second factor")
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Help people who lost their device."""
        text = "They can then sign in with the password alone. Make sure that it is really they who asked."
        if question := self.confirm(request, queryset, text=text, yes="Remove the second factor"):
            return question
        return self._do(request, queryset, people.remove_second_factor, done="The second factor of {} is removed.")

    def _do(self, request: HttpRequest, queryset: QuerySet[User], deed: Any, *, done: str) -> HttpResponse | None:
        by, at = signed_in(request), timezone.now()
        return self.carry_out(request, queryset, lambda person: deed(person, by=by, at=at), done=done)

    @admin.action(description="Make an API token")
    def make_token(self, request: HttpRequest, queryset: QuerySet[User]) -> HttpResponse | None:
        """Make a token for one person and show its secret, once."""
        person = queryset.order_by("pk").first()
        if person is None or queryset.count() > 1 or not person.is_active:
            self.message_user(request, "Choose one active person: a token belongs to one.", messages.WARNING)
            return self.back(request)
        form = TokenForm(request.POST if "confirmed" in request.POST else None)
        text = "Whoever has the token acts in this person's name. It is shown once, on the next page."
        if question := self.confirm(request, queryset, text=text, yes="Make an API token", form=form):
            return question
        said = form.cleaned_data
        token, secret = ApiToken.issue(person, scope=said["scope"], name=said["name"])
        context = {**self.admin_site.each_context(request), "title": "API token", "token": token, "secret": secret}
        return TemplateResponse(request, "admin/token.html", {**context, "opts": self.opts, "person": person})


@admin.register(ApiToken)
class TokenAdmin(ReadOnly, ConfigurationAdmin):
    """Who holds tokens, and the end of them. Secrets are not kept, so none can be shown."""

    list_display = ["user", "name", "scope", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["scope", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["name", "user__name", "user__email"]
    ordering = ["-created_at", "pk"]
    date_hierarchy = "created_at"
    fields = ["user", "name", "scope", "created_at", "last_used_at", "revoked_at"]
    actions = ["revoke"]
    buttons = ("revoke",)

    @admin.action(description="Revoke")
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponse | None:
        """End the chosen tokens."""
        text = "Programs that use them are refused from now on. This cannot be taken back."
        if question := self.confirm(request, queryset, text=text, yes="Revoke"):
            return question
        at = timezone.now()
        return self.carry_out(request, queryset, lambda token: people.revoke(token, at=at), done="{} is revoked.")


class MembershipInline(RowInline):
    """The people of a team."""

    model = Membership
    autocomplete_fields = ["user"]
    verbose_name, verbose_name_plural = "person", "people"


class HolidayInline(RowInline):
    """Days on which a team does not work."""

    model = Holiday
    ordering = ["date", "pk"]


@admin.register(Team)
class TeamAdmin(ConfigurationAdmin):
    """Teams with their people and their working hours."""

    list_display = ["name", "slug", "people_count", "service_count", "time_zone", "fallback"]
    list_filter = ["time_zone"]
    list_select_related = ["fallback"]
    search_fields = ["name", "slug", "memberships__user__name"]
    ordering = ["name", "pk"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["fallback"]
    inlines = [MembershipInline, HolidayInline]
    branches = (Branch(Membership, "team"), Branch(Holiday, "team"))
    fieldsets = [
        (None, {"fields": ["name", "slug", "fallback"]}),
        (
            "Working hours",
            {
                "fields": ["time_zone", ("business_start", "business_end"), "business_days"],
                "description": "For deadlines such as “end of the business day”. Paging never depends on them, except "
                "for levels that say so.",
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        """Count what the list shows."""
        people_total, services_total = (Count(name, distinct=True) for name in ("memberships", "services"))
        return super().get_queryset(request).annotate(people_total=people_total, services_total=services_total)

    @admin.display(description="People", ordering="people_total")
    def people_count(self, team: Any) -> int:
        """How many people are in the team."""
        return int(team.people_total)

    @admin.display(description="Services", ordering="services_total")
    def service_count(self, team: Any) -> int:
        """How many services the team owns."""
        return int(team.services_total)


@admin.register(Organisation)
class OrganisationAdmin(ConfigurationAdmin):
    """The one organisation: its name and who is paged when nobody else can be reached."""

    list_display = ["name", "fallback", "standing"]
    list_select_related = ["fallback"]
    search_fields = ["name"]
    ordering = ["pk"]
    autocomplete_fields = ["fallback"]
    readonly_fields = ["standing"]
    fields = ["name", "fallback", "standing"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: there is one already."""
        return False

    @admin.display(description="Paging")
    def standing(self, organisation: Organisation) -> SafeString | str:
        """Say when a page could be lost."""
        return warning(self.concern(organisation)) or "The fallback contact can be reached."

    def concern(self, organisation: Organisation) -> str:
        """What is wrong with the fallback contact; empty = nothing. The floor above looks at contact methods too."""
        if organisation.fallback is None:
            return "No fallback contact is set: a page that reaches nobody goes to all administrators, or is lost."
        if not organisation.fallback.is_active:
            return f"{organisation.fallback} is inactive and cannot be paged. Name another fallback contact."
        return ""
