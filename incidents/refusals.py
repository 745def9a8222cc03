"""Why a deed was refused. Each text is fit for the person who tried; pages and the API show it as it is."""


class Refusal(Exception):
    """A deed that was not done. Nothing was changed."""


class TransitionError(Refusal):
    """The incident's state does not allow the move."""


class StaleVersion(Refusal):
    """Somebody else changed the incident since the page was loaded; the text says who did what."""


class Conflict(Refusal):
    """What stands already, perhaps since a moment ago, contradicts the wish; the text says what it is."""


class Invalid(Refusal):
    """One of the answers cannot be right. ``field`` names it as the form and the API do."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class NotAllowed(Refusal):
    """The person may not do this."""
