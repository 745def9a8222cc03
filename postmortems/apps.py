"""The app's start: its hooks and its due sources."""

from django.apps import AppConfig


class PostmortemsConfig(AppConfig):
    """Stands on ``incidents``; hears of each move inside its transaction."""

    name = "postmortems"

    def ready(self) -> None:
        """Register the hooks and the sources."""
        from incidents import due, moves
        from postmortems import actions, digests, drafting, indexing, publishing, reminding, tracking

        moves.register_hook(drafting.on_move)
        moves.register_hook(actions.on_move)
        moves.register_blocker(publishing.keep_open)
        due.register(due.Source("drafts", drafting.draft_missing, drafting.undrafted, "resolved_at"))
        due.register(due.Source("backlog", actions.write_missing, actions.unwritten, "declared_at"))
        due.register(due.Source("action_reminders", reminding.remind_due, reminding.waiting, "remind_at"))
        late = due.Source("postmortem_reminders", reminding.nag_due, reminding.owed, "remind_at")
        due.register(late)
        due.register(due.Source("digests", digests.write_due, digests.waiting, "due_at"))
        due.register(due.Source("issues", tracking.ring_due, tracking.waiting, ""))
        due.register(due.Source("library", indexing.read_due, indexing.waiting, ""))
