"""Two gigabytes pulled and pushed between two nodes, beside a bare static file of the same server.

`python bench/transfer.py [MEBIBYTES]` writes var/bench/transfer.json. Two processes hold the
connector with its plane, on TLS with a certificate made for the run; the content lies encrypted in
the provider's vault, arrives encrypted in the consumer's, and its SHA-256 is checked. The peer, in
the same run: uvicorn and Starlette's FileResponse with the same certificate, read by the same
client into a plain file, without a hash, before and after each. Memory is resident memory above
idle, sampled.
"""

import datetime as dt
import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from cryptography import x509  # noqa: E402 - after the path is set
from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

from lib.rows_live import RowsProcess, free_port  # noqa: E402
from tidegate.connector.http.model import HttpSettings  # noqa: E402
from tidegate.connector.http.service import PeerHttp  # noqa: E402

MEBIBYTE = 2**20
GOAL_RATIO, GOAL_MB = 1.25, 64.0
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route

async def file(request):
    return FileResponse(sys.argv[1])

uvicorn.run(Starlette(routes=[Route("/file", file)]), host="127.0.0.1", port=int(sys.argv[2]),
            log_level="critical", ssl_certfile=sys.argv[3], ssl_keyfile=sys.argv[4])
"""


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, private


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process in MB (10**6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


class Sampler(threading.Thread):
    """Watches the memory of processes until told to stop."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(daemon=True)
        self.pids, self.done = pids, threading.Event()
        self.idle = [resident_mb(pid) for pid in pids]
        self.most = list(self.idle)

    def run(self) -> None:
        """Sample every twentieth of a second."""
        while not self.done.wait(0.05):
            self.most = [max(m, resident_mb(p)) for m, p in zip(self.most, self.pids, strict=True)]

    def above(self) -> list[float]:
        """Return the most each process rose above idle, in MB."""
        self.done.set()
        return [round(most - idle, 1) for most, idle in zip(self.most, self.idle, strict=True)]


def until_over(consumer: RowsProcess, pid: str) -> float:
    """Wait until the rows are whole; return the seconds between their start and end."""
    while True:
        found = consumer.ask("flow", pid=pid)
        if found and found["state"] in {"COMPLETED", "TERMINATED"}:
            assert found["state"] == "COMPLETED", found
            began = dt.datetime.fromisoformat(found["started_at"])
            return (dt.datetime.fromisoformat(found["ended_at"]) - began).total_seconds()
        time.sleep(0.05)


def bare_seconds(folder: Path, size: int, tls: tuple[Path, Path]) -> float:
    """Return the seconds of the same download by the bare server and the same client."""
    source, target, port = folder / "source", folder / "target", free_port()
    with source.open("wb") as file:
        block = os.urandom(MEBIBYTE)
        for _ in range(size // MEBIBYTE):
            file.write(block)
    server = subprocess.Popen([sys.executable, "-c", BARE, str(source), str(port), *map(str, tls)])
    http = PeerHttp(HttpSettings(loopback=True, ca_file=tls[0]))
    url = f"https://127.0.0.1:{port}/file"
    try:
        for _ in range(200):
            try:
                with http.stream("HEAD", url):
                    break
            except Exception:  # noqa: BLE001 - it is starting
                time.sleep(0.05)
        began = time.perf_counter()
        with http.stream("GET", url, seconds=3600) as answer, target.open("wb") as out:
            for piece in answer.chunks:
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        taken = time.perf_counter() - began
        assert target.stat().st_size == size
    finally:
        server.kill()
        server.wait()
        http.close()
        source.unlink()
        target.unlink(missing_ok=True)
    return taken


def main() -> int:
    """Measure, write, and say whether the goals are met."""
    size = (int(sys.argv[1]) if len(sys.argv) > 1 else 2048) * MEBIBYTE
    folder = Path(tempfile.mkdtemp(prefix="tidegate-bench-"))
    tls = make_certificate(folder)
    nodes = [RowsProcess(folder / name, tls=tls) for name in ("provider", "consumer")]
    provider, consumer = nodes
    figures: dict[str, object] = {"bytes": size}
    try:
        for one in nodes:
            one.ask("agree", provider=provider.did, consumer=consumer.did)
        small = provider.ask("seed", size=3 * MEBIBYTE)
        until_over(consumer, consumer.ask("ask", name="HttpData-PULL"))
        until_over(consumer, consumer.ask("ask", name="HttpData-PUSH"))
        provider.ask("drop")
        assert small != provider.ask("seed", size=size)
        met, before = True, bare_seconds(folder, size, tls)
        for way in ("PULL", "PUSH"):
            sampler = Sampler([one.process.pid for one in nodes])
            sampler.start()
            taken = until_over(consumer, consumer.ask("ask", name=f"HttpData-{way}"))
            above = sampler.above()
            after = bare_seconds(folder, size, tls)
            ratio = taken / ((before + after) / 2)
            figures[way.lower()] = {
                "seconds": round(taken, 2),
                "bare_seconds_around": [round(before, 2), round(after, 2)],
                "ratio": round(ratio, 2),
                "provider_mb_above_idle": above[0],
                "consumer_mb_above_idle": above[1],
            }
            met = met and ratio <= GOAL_RATIO and max(above) < GOAL_MB
            before = after
            consumer.ask("forget")
    finally:
        for one in nodes:
            one.kill()
        shutil.rmtree(folder, ignore_errors=True)
    figures |= {"goal_ratio": GOAL_RATIO, "goal_mb": GOAL_MB, "met": met}
    place = ROOT / "var" / "bench"
    place.mkdir(parents=True, exist_ok=True)
    (place / "transfer.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures, indent=1))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
