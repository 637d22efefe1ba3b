"""Over TLS the same deadlines hold: wrapping a socket makes a new one, and that one has to be watched."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import time as real_time
from pathlib import Path

import pytest
import requests.adapters
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integrations.http.retry import Retry
from integrations.notion import transport
from integrations.notion.errors import NotionUnavailable
from tests.integrations.notion.doors import BOT_ID, CANARY, ME, Door, FakeTime
from tests.integrations.notion.rawserver import RawServer, Reply, answer, drip, hang, head


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a key and certificate for 127.0.0.1, made for this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def _trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_tls", lambda: ssl.create_default_context(cafile=certificate))
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(certificate))


@pytest.mark.usefixtures("_trusted")
def test_a_trusted_server_is_asked(door: Door, tls: ssl.SSLContext, time: FakeTime) -> None:
    with RawServer(answer(200, ME), tls=tls) as server:
        assert str(door(server.url, retry=time.retry()).bot_id) == BOT_ID
    assert server.seen[0].headers["authorization"] == f"Bearer {CANARY}"


def test_an_untrusted_server_is_told_nothing(door: Door, tls: ssl.SSLContext, time: FakeTime) -> None:
    with RawServer(answer(200, ME), tls=tls) as server:
        with pytest.raises(NotionUnavailable):
            door(server.url, retry=time.retry(), deadline_seconds=1)
        assert server.seen == []


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize(
    "fault",
    [
        hang,
        drip(head(content_length="2") + b"{}" * 200),
        drip(b"x-more: 1\r\n" * 200, after=b"HTTP/1.1 200 OK\r\n"),
        drip(b" " * 1000, after=head(content_length="1000")),
    ],
    ids=["hang", "headers byte by byte", "endless headers", "body byte by byte"],
)
def test_a_slow_answer_ends_at_the_deadline(door: Door, tls: ssl.SSLContext, fault: Reply) -> None:
    with RawServer(fault, tls=tls) as server:
        started = real_time.monotonic()
        with pytest.raises(NotionUnavailable):
            door(server.url, retry=Retry(), deadline_seconds=0.4)
        assert 0.3 < real_time.monotonic() - started < 1.5
        assert len(server.seen) == 1


@pytest.mark.usefixtures("_trusted")
def test_a_server_that_never_shakes_hands_is_left(door: Door) -> None:
    with RawServer(hang) as server:
        started = real_time.monotonic()
        with pytest.raises(NotionUnavailable):
            door(server.url.replace("http", "https"), retry=Retry(), deadline_seconds=0.4)
        assert real_time.monotonic() - started < 1.5
