"""One Eclipse EDC as a process on loopback: started, waited for, killed, and stopped for sure."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

MAIN = "org.eclipse.edc.boot.system.runtime.BaseRuntime"
READY = b" ready"
READY_SECONDS = 120
CONTEXTS = ("", "management", "protocol", "control", "version", "public")
KEY = "data-plane-key"


class EdcError(Exception):
    """EDC did not start, or did not do what it was asked; the words say where to look."""


@dataclass
class Edc:
    """An EDC with its own ports, folder and participant id; `database` is a PostgreSQL to keep in.

    `more` are further properties, as EDC names them.
    """

    name: str
    folder: Path
    jars: Path
    database: tuple[str, str, str] | None = None
    more: dict[str, str] = field(default_factory=dict)
    memory: str = ""
    arguments: tuple[str, ...] = ()
    ports: dict[str, int] = field(init=False)
    process: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Choose the ports once: an EDC that is started again is found where it was."""
        self.ports = dict(zip(CONTEXTS, free_ports(len(CONTEXTS)), strict=True))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())

    def at(self, context: str) -> str:
        """Return the address of one of its doors."""
        path = context or "api"
        return f"http://localhost:{self.ports[context]}/{path}"

    @property
    def log(self) -> Path:
        """Where it writes what it does."""
        return self.folder / "edc.log"

    @property
    def dsp(self) -> str:
        """The base address of its Dataspace Protocol 2025-1."""
        return f"{self.at('protocol')}/2025-1"

    def start(self) -> float:
        """Start it and wait until it is ready; return the seconds that took."""
        settings = self.folder / "edc.properties"
        settings.write_text(self._properties(), encoding="utf-8")
        began = time.perf_counter()
        options = [f"-Xmx{self.memory}"] if self.memory else []
        with self.log.open("ab") as log:
            already = log.tell()
            self.process = subprocess.Popen(
                [
                    "java",
                    *options,
                    f"-Dedc.fs.config={settings}",
                    "-cp",
                    f"{self.jars}/*",
                    MAIN,
                    *self.arguments,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,
            )
        while time.perf_counter() - began < READY_SECONDS:
            if self.process.poll() is not None:
                break
            # Its readiness door opens before its other doors do: what it says last is what counts.
            with self.log.open("rb") as said:
                said.seek(already)
                if READY in said.read():
                    return time.perf_counter() - began
            time.sleep(0.02)
        self.stop()
        raise EdcError(f"EDC {self.name} did not become ready; see {self.log}.")

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it; a second time does nothing."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _properties(self) -> str:
        settings = {
            "edc.participant.id": self.name,
            "edc.dsp.callback.address": self.at("protocol"),
            "edc.dataplane.api.public.baseurl": self.at("public"),
            "edc.transfer.proxy.token.signer.privatekey.alias": KEY,
            "edc.transfer.proxy.token.verifier.publickey.alias": f"{KEY}-public",
            KEY: self._pem(private=True),
            "edc.iam.publickeys.own.id": f"{KEY}-public",
            "edc.iam.publickeys.own.value": self._pem(private=False),
        }
        for context, port in self.ports.items():
            prefix = f"web.http.{context}".rstrip(".")
            settings |= {f"{prefix}.port": str(port), f"{prefix}.path": f"/{context or 'api'}"}
        if self.database is not None:
            url, user, password = self.database
            settings |= {
                "edc.sql.schema.autocreate": "true",
                "edc.datasource.default.url": url,
                "edc.datasource.default.user": user,
                "edc.datasource.default.password": password,
            }
        settings |= self.more
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _pem(self, *, private: bool) -> str:
        if private:
            pem = self._key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        else:
            pem = self._key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        return pem.decode().strip().replace("\n", "\\n")


def free_ports(count: int) -> list[int]:
    """Return ports nobody listens on, all different."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in probes:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in probes]


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0
