"""Take Eclipse EDC from Maven Central as `interop/pom.xml` names it, and check what came.

The jars are put into `var/interop` once and held against `interop/jars.sha256`; after that nothing
asks the network.
"""

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
POM = ROOT / "interop" / "pom.xml"
PINS = ROOT / "interop" / "jars.sha256"
JARS = ROOT / "var" / "interop"
MINUTES = 8


class AssemblyError(Exception):
    """EDC could not be put together; the words say what to do."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """The jars of one EDC: with state in memory, or with state on PostgreSQL."""

    version: str
    proxy_version: str
    memory: Path
    sql: Path

    @property
    def words(self) -> str:
        """What was assembled, in one line."""
        return (
            f"Eclipse EDC {self.version} (iam-mock; HTTP data plane; its public API as last"
            f" released, {self.proxy_version})"
        )


def assemble() -> Assembly:
    """Return the assembled EDC, fetching it where it is not here yet.

    Raises AssemblyError where Java or Maven is missing, or a jar is not the pinned one.
    """
    for tool, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(tool) is None:
            raise AssemblyError(f"{tool} is missing; install it: apt-get install -y {package}")
    text = POM.read_text(encoding="utf-8")
    made = Assembly(
        version=_property(text, "edc.version"),
        proxy_version=_property(text, "edc.proxy.version"),
        memory=_folder("memory", text, ()),
        sql=_folder("sql", text, ("-Psql",)),
    )
    _check_pins(made)
    return made


def _property(pom: str, name: str) -> str:
    found = re.search(rf"<{re.escape(name)}>([^<]+)</", pom)
    if found is None:
        raise AssemblyError(f"{POM} names no {name}.")
    return found.group(1)


def _folder(name: str, pom: str, options: tuple[str, ...]) -> Path:
    """Return a folder with the jars of this very pom; it is complete once it carries its name."""
    digest = hashlib.sha256("\n".join((pom, *options)).encode()).hexdigest()[:12]
    done = JARS / f"{name}-{digest}"
    if done.is_dir():
        return done
    fresh = JARS / f".{done.name}"
    shutil.rmtree(fresh, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), *options, "dependency:copy-dependencies"]
    print(f"Fetching Eclipse EDC with Maven ({name}; once) …", flush=True)
    try:
        ran = subprocess.run(
            [*command, f"-DoutputDirectory={fresh}"],
            capture_output=True,
            text=True,
            timeout=60 * MINUTES,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssemblyError(f"Maven did not finish in {MINUTES} minutes.") from None
    if ran.returncode != 0:
        said = [line for line in ran.stdout.splitlines() if "ERROR" in line][:2]
        raise AssemblyError("Maven could not fetch EDC: " + " ".join(said))
    fresh.rename(done)
    return done


def _check_pins(made: Assembly) -> None:
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in (made.memory, made.sql)
        for path in sorted(folder.glob("*.jar"))
    }
    if os.environ.get("RELOCK"):
        lines = (f"{digest}  {name}\n" for name, digest in sorted(found.items()))
        PINS.write_text("".join(lines), encoding="utf-8")
    locked = PINS.read_text(encoding="utf-8").splitlines()
    pinned = {name: digest for digest, name in map(str.split, locked)}
    odd = sorted(
        name for name in found.keys() | pinned.keys() if found.get(name) != pinned.get(name)
    )
    if odd:
        raise AssemblyError(
            f"{len(odd)} jars are not those of {PINS.name} ({odd[0]}); where the pom was changed on"
            " purpose, run once with RELOCK=1 and look at the difference."
        )
