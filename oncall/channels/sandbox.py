"""The sandbox: a page in the product that shows what each person's phone would have received."""

from django.utils import timezone

from oncall.channels.contract import Message, Receipt
from oncall.models import SandboxMessage


class SandboxTransport:
    """Writes the message where the sandbox page shows it. Nothing leaves the machine."""

    name = "sandbox"
    provider = ""

    def send(self, message: Message) -> Receipt:
        """Show the message on the person's sandbox phone; a repeated try changes nothing."""
        if message.person_id is None:
            return Receipt(delivered=True, detail="it is meant for nobody")
        shown = SandboxMessage(
            delivery_id=message.delivery_id,
            person_id=message.person_id,
            channel=message.channel,
            address=message.address,
            subject=message.subject,
            text=message.text,
            at=timezone.now(),
        )
        SandboxMessage.objects.bulk_create([shown], ignore_conflicts=True)
        return Receipt(delivered=True, detail="shown in the sandbox")
