"""The addresses of the ground floor."""

from django.urls import path

from incidents.views import board, command, declare, finding, health, incident, listing, me, roles, stream

app_name = "incidents"
urlpatterns = [
    path("", board.board, name="board"),
    path("board/", board.board_fragment, name="board-fragment"),
    path("stream", stream.board_stream, name="board-stream"),
    path("incidents/", listing.incident_list, name="list"),
    path("incidents/acknowledge/", listing.acknowledge_chosen, name="acknowledge-chosen"),
    path("incidents/filters/", listing.keep_filter, name="keep-filter"),
    path("incidents/filters/<int:pk>/forget/", listing.forget_filter, name="forget-filter"),
    path("palette/", finding.palette, name="palette"),
    path("incidents/<int:number>/next/", finding.step, {"way": "next"}, name="next"),
    path("incidents/<int:number>/previous/", finding.step, {"way": "previous"}, name="previous"),
    path("incidents/declare/", declare.declare, name="declare"),
    path("incidents/declare/preview/", declare.preview, name="declare-preview"),
    path("incidents/<int:number>/", incident.detail, name="detail"),
    path("incidents/<int:number>/room/", incident.room, name="room"),
    path("incidents/<int:number>/timeline/", incident.timeline_fragment, name="timeline"),
    path("incidents/<int:number>/stream", stream.incident_stream, name="stream"),
    path("incidents/<int:number>/entries/", incident.add_entry, name="add-entry"),
    path("incidents/<int:number>/acknowledge/", command.acknowledge, name="acknowledge"),
    path("incidents/<int:number>/join/", command.join, name="join"),
    path("incidents/<int:number>/phase/", command.enter_phase, name="enter-phase"),
    path("incidents/<int:number>/mitigate/", command.mitigate, name="mitigate"),
    path("incidents/<int:number>/resolve/", command.resolve, name="resolve"),
    path("incidents/<int:number>/reopen/", command.reopen, name="reopen"),
    path("incidents/<int:number>/close/", command.close, name="close"),
    path("incidents/<int:number>/decline/", command.decline, name="decline"),
    path("incidents/<int:number>/severity/", command.change_severity, name="change-severity"),
    path("incidents/<int:number>/impact/", command.edit_impact, name="edit-impact"),
    path("incidents/<int:number>/cadence/", command.set_cadence, name="set-cadence"),
    path("incidents/<int:number>/command/", roles.command, name="take-command"),
    path("incidents/<int:number>/working-on/", roles.work_on, name="work-on"),
    path("incidents/<int:number>/handovers/<int:pk>/", roles.answer, name="answer-handover"),
    path("incidents/<int:number>/roles/<str:role>/", roles.show, name="role"),
    path("incidents/<int:number>/roles/<str:role>/join/", roles.join, name="join-role"),
    path("incidents/<int:number>/roles/<str:role>/give/", roles.give, name="give-role"),
    path("incidents/<int:number>/roles/<str:role>/release/", roles.release, name="release-role"),
    path("incidents/<int:number>/tasks/<int:pk>/done/", command.finish_task, name="finish-task"),
    path("me/", me.me, name="me"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
