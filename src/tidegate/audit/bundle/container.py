"""The bundle's container: a zip of stored members that has exactly one form for one content.

Nothing is compressed, members stand in the order of their names, and every header field is fixed.
So the container of given members is one byte sequence: a reader builds it again and compares, and
no byte of the file escapes. Stored members also leave nothing for a zip bomb to do.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tidegate.audit.bundle.model import Flaw
from tidegate.audit.errors import BundleRefusedError
from tidegate.kernel.values import dataclass

CONTAINER = "the container"
LARGEST = 1 << 30  # bytes of a whole bundle; it is read into memory
_LARGEST_REWRITTEN = 1 << 26  # bytes we are ready to unpack only to say what was changed
_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, OverflowError,
    NotImplementedError, RuntimeError, EOFError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opened:
    """What a container holds, and what is wrong with the container."""

    members: Mapping[str, bytes]
    flaws: tuple[Flaw, ...]


def pack(members: Mapping[str, bytes]) -> bytes:
    """Write the one container of these members."""
    if sum(map(len, members.values())) > LARGEST:
        raise BundleRefusedError(
            "The bundle would be larger than 1 GiB; export fewer nodes into one bundle.",
            code="bundle_too_large",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=False) as container:
        for name in sorted(members):
            info = zipfile.ZipInfo(name)  # dated 1980-01-01, the zero of the format
            info.create_system = 3
            info.external_attr = 0o600 << 16
            container.writestr(info, members[name])
    return buffer.getvalue()


def unpack(path: Path) -> Opened:
    """Read a container; every departure from its one form is a flaw that names its member."""
    if path.stat().st_size > LARGEST:
        return Opened({}, (Flaw(CONTAINER, "it is larger than 1 GiB, more than any bundle."),))
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as container:
            opened = _read(container, len(data))
    except _UNREADABLE:
        return Opened({}, (Flaw(CONTAINER, "it is not a readable zip file, or was cut short."),))
    if not opened.flaws and pack(opened.members) != data:
        return Opened(opened.members, (_find_difference(opened.members, data),))
    return opened


def _read(container: zipfile.ZipFile, size: int) -> Opened:
    members: dict[str, bytes] = {}
    flaws: list[Flaw] = []
    infos = container.infolist()
    if sum(info.file_size for info in infos) > max(size, _LARGEST_REWRITTEN):
        return Opened({}, (Flaw(CONTAINER, "its members unpack to more than a bundle may hold."),))
    for info in infos:
        name = info.filename
        if name in members:
            flaws.append(Flaw(name, "the container has this member twice."))
            continue
        try:
            with container.open(info) as stream:
                members[name] = stream.read(info.file_size + 1)
        except _UNREADABLE:
            flaws.append(Flaw(name, "its bytes were changed: checksum or header do not fit."))
            continue
        if info.compress_type != zipfile.ZIP_STORED:
            flaws.append(Flaw(name, "it is compressed; a bundle stores its members as they are."))
    return Opened(members, tuple(flaws))


def _find_difference(members: Mapping[str, bytes], data: bytes) -> Flaw:
    expected = pack(members)
    offset = next(
        (at for at, (one, other) in enumerate(zip(expected, data, strict=False)) if one != other),
        min(len(expected), len(data)),
    )
    for name, start, stop in _ranges(expected):
        if start <= offset < stop:
            return Flaw(name, f"its zip header was changed (byte {offset} of the file).")
    return Flaw(CONTAINER, f"its directory or end was changed (byte {offset} of the file).")


def _ranges(expected: bytes) -> Iterator[tuple[str, int, int]]:
    with zipfile.ZipFile(io.BytesIO(expected)) as container:
        infos = container.infolist()
        stops = [info.header_offset for info in infos[1:]] + [container.start_dir]
    for info, stop in zip(infos, stops, strict=True):
        yield info.filename, info.header_offset, stop
