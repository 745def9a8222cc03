"""The addresses of the library."""

from django.urls import path, re_path

from postmortems.views import actions, comments, document, history, library, publishing, whys, writing

app_name = "postmortems"
urlpatterns = [
    path("postmortems/", document.document_list, name="list"),
    path("postmortems/library/", library.library, name="library"),
    path("postmortems/before/", library.before_declaring, name="before-declaring"),
    path("incidents/<int:number>/before/", library.before, name="before"),
    path("postmortems/<int:number>/", document.detail, name="detail"),
    re_path(r"^postmortems/(?P<number>[0-9]{1,9})/export\.(?P<form>md|html|json)$", document.export, name="export"),
    path("postmortems/<int:number>/sections/<slug:key>/", writing.edit_section, name="edit-section"),
    path("postmortems/<int:number>/sections/<slug:key>/autosave/", writing.autosave, name="autosave"),
    path("postmortems/<int:number>/sections/<slug:key>/preview/", writing.preview, name="preview"),
    path("postmortems/<int:number>/sections/<slug:key>/writers/", writing.write_here, name="write-here"),
    path("postmortems/<int:number>/sections/<slug:key>/aside/drop/", writing.drop_aside, name="drop-aside"),
    path("postmortems/<int:number>/sections/<slug:key>/history/", history.history, name="history"),
    path("postmortems/<int:number>/sections/<slug:key>/history/restore/", history.restore, name="restore"),
    path("postmortems/<int:number>/whys/", whys.whys, name="whys"),
    path("postmortems/<int:number>/whys/depth/", whys.set_depth, name="set-depth"),
    path("postmortems/<int:number>/whys/<int:pk>/", whys.edit_why, name="edit-why"),
    path("postmortems/<int:number>/whys/<int:pk>/ask/", whys.ask_why, name="ask-why"),
    path("postmortems/<int:number>/whys/<int:pk>/parents/", whys.move_why, name="move-why"),
    path("postmortems/<int:number>/whys/<int:pk>/evidence/", whys.add_evidence, name="add-evidence"),
    path("postmortems/<int:number>/whys/<int:pk>/remove/", whys.remove_why, name="remove-why"),
    path("postmortems/<int:number>/whys/<int:pk>/restore/", whys.restore_why, name="restore-why"),
    path("postmortems/<int:number>/whys/<int:pk>/therefore/<int:parent>/", whys.tick, name="tick"),
    path("postmortems/<int:number>/evidence/<int:pk>/remove/", whys.remove_evidence, name="remove-evidence"),
    path("postmortems/<int:number>/sections/<slug:key>/correct/", publishing.correct, name="correct"),
    path("postmortems/<int:number>/review/", publishing.ask_review, name="ask-review"),
    path("postmortems/<int:number>/review/answer/", publishing.answer, name="answer-review"),
    path("postmortems/<int:number>/no-action/", publishing.excuse, name="excuse"),
    path("postmortems/<int:number>/publish/", publishing.publish, name="publish"),
    path("postmortems/<int:number>/actions/add/", actions.add_action, name="add-action"),
    path("postmortems/<int:number>/comments/", comments.comments, name="comments"),
    path("comments/<int:pk>/reply/", comments.reply_comment, name="reply-comment"),
    path("comments/<int:pk>/resolve/", comments.resolve_comment, name="resolve-comment"),
    path("comments/<int:pk>/reopen/", comments.reopen_comment, name="reopen-comment"),
    path("action-items/", actions.action_list, name="action-list"),
    path("action-items/<int:pk>/", actions.edit_action, name="edit-action"),
    path("action-items/<int:pk>/finish/", actions.finish_action, name="finish-action"),
    path("action-items/<int:pk>/start/", actions.start_action, name="start-action"),
    path("incidents/<int:number>/postmortem/", document.card, name="card"),
]
