"""The app's start: its hook and its due source."""

from django.apps import AppConfig


class PostmortemsConfig(AppConfig):
    """Stands on ``incidents``; hears of each move inside its transaction."""

    name = "postmortems"

    def ready(self) -> None:
        """Register the hook and the source."""
        from incidents import due, moves
        from postmortems import drafting

        moves.register_hook(drafting.on_move)
        due.register(due.Source("drafts", drafting.draft_missing, drafting.undrafted, "resolved_at"))
