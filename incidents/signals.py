"""News for the floors above. It may be lost: what must hold is a hook of ``incidents.lifecycle``."""

from django.dispatch import Signal

# Sent on commit by incidents.lifecycle alone, robustly. Arguments: incident_id (int), move (str), status (str).
incident_moved = Signal()
