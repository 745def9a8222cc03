"""The addresses of the pager."""

from django.urls import path

from oncall.views import answer, fragments, oncall, policies, sandbox

app_name = "oncall"
urlpatterns = [
    path("on-call/", oncall.now, name="now"),
    path("on-call/card/", fragments.on_call_card, name="card"),
    path("on-call/pages/", fragments.my_pages, name="my-pages"),
    path("on-call/paged/", fragments.my_open_page, name="my-open-page"),
    path("on-call/schedules/<slug:slug>/", oncall.schedule, name="schedule"),
    path("escalation/", policies.policies, name="policies"),
    path("incidents/<int:number>/escalation/", fragments.escalation_card, name="escalation-card"),
    path("incidents/<int:number>/escalation/clock/", fragments.escalation_clock, name="escalation-clock"),
    path("incidents/<int:number>/escalate/", fragments.escalate_now, name="escalate"),
    path("incidents/<int:number>/pages/", fragments.pages_card, name="pages-card"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/<int:pk>/", sandbox.phone, name="sandbox-phone"),
    path("sandbox/<int:pk>/messages/", sandbox.messages_fragment, name="sandbox-messages"),
    path("sandbox/<int:pk>/empty/", sandbox.empty, name="sandbox-empty"),
    path("a/<str:token>/", answer.answer, name="answer"),
]
