"""The addresses of the pager."""

from django.urls import path

from oncall.views import (
    answer,
    contacts,
    escalation,
    fragments,
    oncall,
    policies,
    reached,
    sandbox,
    simulation,
    slack,
    twilio,
)

app_name = "oncall"
urlpatterns = [
    path("on-call/", oncall.now, name="now"),
    path("on-call/card/", fragments.on_call_card, name="card"),
    path("on-call/pages/", fragments.my_pages, name="my-pages"),
    path("on-call/paged/", fragments.my_open_page, name="my-open-page"),
    path("on-call/schedules/<slug:slug>/", oncall.schedule, name="schedule"),
    path("escalation/", policies.policies, name="policies"),
    path("escalation/simulate/", simulation.simulate, name="simulate"),
    path("incidents/<int:number>/escalation/", escalation.card, name="escalation-card"),
    path("incidents/<int:number>/escalation/clock/", fragments.escalation_clock, name="escalation-clock"),
    path("incidents/<int:number>/escalate/", escalation.escalate_now, name="escalate"),
    path("incidents/<int:number>/unacknowledge/", escalation.unacknowledge, name="unacknowledge"),
    path("incidents/<int:number>/snooze/", escalation.snooze, name="snooze"),
    path("incidents/<int:number>/unsnooze/", escalation.unsnooze, name="unsnooze"),
    path("incidents/<int:number>/apply-policy/", escalation.apply_policy, name="apply-policy"),
    path("incidents/<int:number>/pages/", fragments.pages_card, name="pages-card"),
    path("me/contact-methods/", contacts.mine, name="contact-methods"),
    path("me/contact-methods/<int:pk>/", contacts.one, name="contact-method"),
    path("me/contact-methods/<int:pk>/verify/", contacts.verify, name="contact-method-verify"),
    path("me/contact-methods/<int:pk>/remove/", contacts.remove, name="contact-method-remove"),
    path("me/contact-methods/<int:pk>/<str:deed>/", contacts.act, name="contact-method-act"),
    path("me/reached/", reached.mine, name="reached"),
    path("sandbox/", sandbox.sandbox, name="sandbox"),
    path("sandbox/<int:pk>/", sandbox.phone, name="sandbox-phone"),
    path("sandbox/<int:pk>/messages/", sandbox.messages_fragment, name="sandbox-messages"),
    path("sandbox/<int:pk>/empty/", sandbox.empty, name="sandbox-empty"),
    path("slack/actions/", slack.actions, name="slack-actions"),
    path("twilio/sms/", twilio.sms, name="twilio-sms"),
    path("twilio/sms/<int:delivery>/<int:attempt>/", twilio.sms_status, name="twilio-sms-status"),
    path("twilio/call/<int:delivery>/<int:attempt>/", twilio.call_status, name="twilio-call-status"),
    path("twilio/keys/<str:token>/", twilio.keys, name="twilio-keys"),
    path("a/<str:token>/", answer.answer, name="answer"),
]
