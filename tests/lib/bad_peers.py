"""A peer on a real socket that does whatever it is told to, to be examined from outside."""

import ipaddress
import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VERSIONS = {"protocolVersions": [{"version": "2025-1", "path": "/dsp/2025-1", "binding": "HTTPS"}]}


class BadPeer:
    """Serves `answers` (path -> status, document) with a clock that may be wrong."""

    def __init__(self, host: str = "127.0.0.1", tls: tuple[Path, Path] | None = None) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.late = timedelta()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = peer.answers.get(self.path, (404, {"message": "Nothing here."}))
                raw = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            do_GET = do_POST = answer  # noqa: N815 - the names the server looks for

            def date_time_string(self, timestamp=None) -> str:
                return format_datetime(datetime.now(UTC) + peer.late, usegmt=True)

            def log_message(self, *_args) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer((host, 0), Handler)
        port = self.server.server_address[1]
        name = "localhost" if host == "127.0.0.1" else host
        self.did = f"did:web:{name}%3A{port}"
        self.base = f"{'https' if tls else 'http'}://{name}:{port}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.be_well()

    def be_well(self) -> None:
        """Answer as a node would whom nobody knows."""
        key = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
        coordinates = {name: _b64(value) for name, value in (("x", key.x), ("y", key.y))}
        method = {
            "id": f"{self.did}#k", "type": "JsonWebKey2020", "controller": self.did,
            "publicKeyJwk": {"kty": "EC", "crv": "P-256", **coordinates},
        }  # fmt: skip
        self.document = {
            "id": self.did,
            "verificationMethod": [method],
            "service": [
                {"id": "#c", "type": "CredentialService", "serviceEndpoint": self.base + "/dcp"},
                {"id": "#d", "type": "DataService", "serviceEndpoint": self.base + "/dsp/2025-1"},
            ],
        }
        self.answers = {
            "/.well-known/did.json": (200, self.document),
            "/.well-known/dspace-version": (200, VERSIONS),
            "/dsp/2025-1/catalog/request": (200, {}),
        }
        self.late = timedelta()

    def say(self, path: str, status: int, body: object) -> None:
        self.answers[path] = (status, body)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _b64(number: int) -> str:
    import base64

    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).decode().rstrip("=")


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """Make a certificate that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=90))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "peer.pem", folder / "peer.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
