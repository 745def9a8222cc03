"""PagerDuty's own client, pointed at our real server."""

from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pagerduty
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from incidents import due
from incidents.models import Alert, Incident, RawEvent
from incidents.states import Status
from oncall.models import Escalation
from tests.factories import IntegrationFactory
from tests.live import running_server


@pytest.fixture
def certificate(tmp_path):
    """A certificate for the loopback address, signed by itself, and its key: the client insists on https."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "certificate.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path / "certificate.pem", tmp_path / "key.pem"


@pytest.mark.slow
def test_the_pagerduty_client_triggers_acknowledges_and_resolves(committed_db, database_url, certificate, monkeypatch):
    integration = IntegrationFactory(kind="pagerduty")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with (
        running_server(database_url, certificate=certificate) as server,
        closing(pagerduty.EventsApiV2Client(integration.key, base_url=server)) as client,
        closing(pagerduty.EventsApiV2Client("x" * 32, base_url=server)) as stranger,
    ):
        key = client.trigger(
            "Database is down",
            "db-1",
            severity="critical",
            custom_details={"load": 17},
            links=[{"href": "https://example.com/graph", "text": "Graph"}],
        )
        due.tick(rung=True)
        incident = Incident.objects.get()
        assert (incident.title, incident.severity_id) == ("Database is down", 1)
        assert Escalation.objects.filter(incident=incident).exists()

        assert client.trigger("Database is down", "db-1", dedup_key=key) == key
        client.acknowledge(key)
        due.tick(rung=True)
        alert = Alert.objects.get()
        assert (alert.dedup_key, alert.count) == (key, 2)
        assert alert.acknowledged_at
        assert alert.labels["load"] == "17"
        assert alert.links == [{"href": "https://example.com/graph", "text": "Graph"}]

        client.resolve(key)
        client.submit("Release 7", "pipeline", timestamp="2026-03-02T14:00:00Z")
        due.tick(rung=True)
        assert Incident.objects.get().status == Status.RESOLVED
        assert RawEvent.objects.get(format="pagerduty-change").outcome == {"change recorded": 1}

        with pytest.raises(pagerduty.HttpError) as refused:
            stranger.trigger("Nobody knows this key", "db-1")
        assert refused.value.response.status_code == 400
