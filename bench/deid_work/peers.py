"""The peers: anjana and pycanon in their own environment, prototypes and ARX where they are."""

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LOCK = ROOT / "requirements" / "bench-deid.txt"

LONGEST = 3600


def environment(home: Path) -> Path:
    """Return an interpreter that has the peers: DEID_PEERS, or one made from the hashed list."""
    if os.environ.get("DEID_PEERS"):
        return Path(os.environ["DEID_PEERS"])
    python = home / "peers" / "bin" / "python"
    stamp = home / "peers" / "made-from.txt"
    if not stamp.exists() or stamp.read_bytes() != LOCK.read_bytes():
        venv.create(home / "peers", clear=True, with_pip=True)
        options = ["--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        subprocess.run(
            [python, "-m", "pip", "install", *options, "--only-binary", ":all:", "-r", LOCK],
            check=True,
        )
        shutil.copy(LOCK, stamp)
    return python


def run(command: list[object], folder: Path | None = None) -> str:
    """Run a peer on one thread and return what it prints."""
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        env=os.environ | single,
    )
    if done.returncode:
        raise RuntimeError(f"{command[1]} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def ours(**task: object) -> dict[str, float]:
    """Run ours in a process of its own."""
    plain = {name: str(value) for name, value in task.items()}
    return json.loads(run([sys.executable, HERE / "ours.py", json.dumps(plain)]))


def prototypes(home: Path, path: Path, quasi: tuple[str, ...], rows: int) -> Path | None:
    """Lay out the prototypes beside the regional table under their own names, if they exist."""
    source = Path(os.environ.get("DEID_PROTOTYPES", ROOT.parent / "shared/prototypes/deid"))
    if not (source / "lat2.py").exists():
        return None
    folder = home / "prototypes"
    (folder / "h").mkdir(parents=True, exist_ok=True)
    for each in source.glob("*.py"):
        (folder / each.name).write_bytes(each.read_bytes())
    shutil.copy(path, folder / f"clin_{rows}.csv")
    for name in quasi:
        shutil.copy(home / "h" / f"regional_{name}.csv", folder / "h" / f"clin_{name}.csv")
    return folder


def prototype(folder: Path, *arguments: object) -> dict[str, float]:
    """Run a prototype twice, so that nothing is compiled in the run that counts."""
    command = [sys.executable, *arguments]
    run(command, folder)
    lines = run(command, folder).splitlines()
    line = min(lines, key=lambda one: float((re.search(r"meanNCP=([\d.]+)", one) or [0, 0])[1]))
    wanted = {"cpu": r"search=\S+ cpu=([\d.]+)|\bcpu=([\d.]+)", "loss": r"loss=([\d.]+)"}
    wanted["ncp"] = r"meanNCP=([\d.]+)"
    found = {}
    for name, pattern in wanted.items():
        match = re.search(pattern, line)
        if match:
            found[name] = float(next(group for group in match.groups() if group))
    return found


def arx(home: Path, path: Path, quasi: tuple[str, ...], k: int, share: float) -> float | None:
    """Return the CPU seconds of ARX's optimal search, where ARX_JAR names its jar."""
    jar = os.environ.get("ARX_JAR", "")
    if not jar or not shutil.which("java"):
        return None
    classpath = f"{jar}{os.pathsep}{home}"
    run(["javac", "-cp", jar, "-d", home, HERE / "ArxHarness.java"])
    options = [path, home / "h", ",".join(quasi), k, share]
    printed = run(["java", "-Xmx6g", "-cp", classpath, "ArxHarness", *options])
    return float(printed.split()[-1])
