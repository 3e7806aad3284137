"""TLS by this server: a real `cogmill serve` beyond loopback with a certificate, and certificates that cannot serve."""

import datetime as dt
import ssl
import subprocess
import sys
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cogmill.doctor import examine
from cogmill.kit.settings import Settings, SettingsError
from cogmill.preconditions import check_address, check_tls

from .serving import Served

PASSWORD = "correct horse battery staple"


def make(folder: Path, name: str = "server", days: float = 90, password: bytes | None = None) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days, hours=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    cert_file, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    cert_file.write_bytes(certificate.public_bytes(pem))
    key_file.write_bytes(key.private_bytes(pem, form, lock))
    key_file.chmod(0o600)
    return cert_file, key_file


def test_serving_beyond_loopback_with_a_certificate(tmp_path):
    cert, key = make(tmp_path)
    served = Served(tmp_path / "data", "--host", "0.0.0.0", "--tls-cert", str(cert), "--tls-key", str(key))
    plain, served.url = served.url, served.url.replace("http:", "https:")
    trusting = ssl.create_default_context(cafile=str(cert))
    served.client = httpx.Client(base_url=served.url, headers=served.client.headers, verify=trusting, timeout=30)
    try:
        served.start()
        answer = served.client.get("/v3/self")
        assert (answer.status_code, answer.headers["ratelimit-policy"]) == (200, '"key";q=600;w=60')
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{plain}/healthz")
        _sign_in(served, trusting)
    finally:
        served.close()


def _sign_in(served: Served, trusting: ssl.SSLContext) -> None:
    """The cookie of a sign-in travels over TLS only."""
    command = [sys.executable, "-m", "cogmill", "accounts", "create", "ann@example.org", "--data", str(served.data)]
    subprocess.run(
        command, input=PASSWORD, text=True, check=True, capture_output=True, env=served.environment, timeout=60
    )
    with httpx.Client(base_url=served.url, verify=trusting) as browser:
        answer = browser.post("/cogmill/v1/sign-in", json={"email": "ann@example.org", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-cogmill=")
        assert "; Secure" in cookie
        assert browser.get("/v3/self").status_code == 200


def test_certificates_that_cannot_serve(tmp_path):
    cert, key = make(tmp_path)
    other_cert, _ = make(tmp_path, "other")
    _, locked = make(tmp_path, "locked", password=b"secret")
    _, shown = make(tmp_path, "shown")
    shown.chmod(0o644)
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("no PEM")
    nothing.chmod(0o600)
    for given, words in (
        ((cert, None), "go together"), ((None, key), "go together"), ((tmp_path / "none", key), "no file"),
        ((cert, tmp_path), "no file"), ((cert, shown), "chmod 640"), ((other_cert, key), "MISMATCH"),
        ((cert, locked), "without a password"), ((cert, nothing), "do not work together"), ((nothing, key), "PEM"),
    ):  # fmt: skip
        with pytest.raises(SettingsError, match=words):
            check_tls(Settings(data=tmp_path, tls_cert=given[0], tls_key=given[1]))
    check_tls(Settings(data=tmp_path, tls_cert=cert, tls_key=key))


def test_beyond_loopback_needs_both_files(tmp_path):
    cert, key = make(tmp_path)
    check_address(Settings(data=tmp_path, host="0.0.0.0", tls_cert=cert, tls_key=key))
    with pytest.raises(SettingsError, match="--tls-cert and --tls-key"):
        check_address(Settings(data=tmp_path, host="0.0.0.0", tls_cert=cert))


@pytest.mark.parametrize(
    ("days", "is_ok", "words"), [(90, True, "certificate until"), (5, None, "renew it soon"), (-1, False, "ended on")]
)
def test_doctor_looks_at_the_certificate(tmp_path, days, is_ok, words):
    cert, key = make(tmp_path, days=days)
    finding = examine(Settings(data=tmp_path, host="0.0.0.0", tls_cert=cert, tls_key=key))[-1]
    assert (finding.name, finding.is_ok) == ("address", is_ok)
    assert words in finding.detail


def test_doctor_asks_for_the_proxy_in_front(tmp_path):
    finding = examine(Settings(data=tmp_path, behind_proxy=True))[-1]
    assert (finding.is_ok, "trusted_proxies" in finding.detail) == (None, True)
    finding = examine(Settings(data=tmp_path, behind_proxy=True, trusted_proxies=["127.0.0.1"]))[-1]
    assert finding.is_ok is True
