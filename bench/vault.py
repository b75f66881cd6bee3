"""Encrypt and hash through the vault against bare SHA-256 over the same bytes, in the same run."""

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tidegate.commons.vault.chunks import new_sealer
from tidegate.commons.vault.service import Vault
from tidegate.commons.vault.streams import SealedWriter
from tidegate.keys.service import create_key_file

MIB = 1024 * 1024
SIZE = 128
ROUNDS = 5


class Nowhere:
    """Takes encrypted bytes and keeps none, so that only our own work is measured."""

    def write(self, data: "bytes | memoryview", /) -> object:
        """Take bytes."""
        return len(data)


def measure() -> list[dict[str, object]]:
    """Return the lines of the bench: the best of several rounds, ours and the peer in turn."""
    piece = bytes(range(256)) * (MIB // 256)
    best = dict.fromkeys(("seal", "sha256", "vault", "plain"), 0.0)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        vault = Vault(home / "vault", create_key_file(home / "node.json", "a passphrase"))
        vault.keys.create("ver_bench")
        contests = {
            "sha256": lambda: _bare(piece),
            "seal": lambda: _seal(piece),
            "plain": lambda: _plain(piece, home / "plain"),
            "vault": lambda: _vault(vault, piece),
        }
        for _ in range(ROUNDS):
            for name, contest in contests.items():
                best[name] = max(best[name], SIZE / _timed(contest))
    return [
        _line("encrypt and hash / bare SHA-256", best["seal"], best["sha256"], 0.6),
        _line("vault write, durable / SHA-256 and plain write", best["vault"], best["plain"], 0.6),
    ]


def _line(name: str, ours: float, peer: float, goal: float) -> dict[str, object]:
    ratio = ours / peer
    return {
        "measure": name,
        "ours": round(ours, 1),
        "peer": round(peer, 1),
        "ratio": round(ratio, 3),
        "unit": "MiB/s",
        "goal": goal,
        "met": ratio >= goal,
    }


def _timed(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _bare(piece: bytes) -> None:
    digest = hashlib.sha256()
    for _ in range(SIZE):
        digest.update(piece)


def _seal(piece: bytes) -> None:
    writer = SealedWriter(new_sealer(b"k" * 32, "ver_bench/obj"), Nowhere())
    for _ in range(SIZE):
        writer.write(piece)
    writer.finish("ver_bench/obj", "ver_bench")


def _plain(piece: bytes, path: Path) -> None:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(SIZE):
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _vault(vault: Vault, piece: bytes) -> None:
    with vault.writing("ver_bench/obj", "ver_bench") as deposit:
        for _ in range(SIZE):
            deposit.file.write(piece)
    vault.delete(deposit.stored.path)


def main() -> None:
    """Write var/bench/commons.json and print it."""
    lines = measure()
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "var/bench/commons.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(lines, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(lines, indent=2))


if __name__ == "__main__":
    main()
