"""Put files under their names whole or not at all, and leave nothing behind.

What is being written stands beside its place as `.NAME.tidegate`, locked while its run lives. A run
that was killed leaves it; the next one with the same place takes it over. Two runs for one place,
or a file there that is somebody else's, are refused.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.files.errors import FileBusyError, FileExistsAlreadyError


def check_free(places: Iterable[Path], *, may_replace: bool) -> None:
    """Raise FileExistsAlreadyError if a file is there that nobody said to replace.

    What is there and is no plain file, such as a device, a pipe or a link, is never replaced: its
    name belongs to others.
    """
    for place in places:
        if not os.path.lexists(place):
            continue
        if not stat.S_ISREG(place.lstat().st_mode):
            raise FileExistsAlreadyError(
                f"{place} is there and is no plain file (but a link, a device or the like), so it"
                " is not replaced; name another file.",
                code="file_not_plain",
            )
        if not may_replace:
            raise FileExistsAlreadyError(
                f"{place} is there already; name another file, or say --force to replace it.",
                code="file_exists",
            )


def check_apart(read: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write two files under one name, or over a file that is read.

    Raises RecipeInvalidError.
    """
    seen = [place.resolve() for place in read]
    for place in written:
        if any(_is_same(place, other) for other in seen):
            raise RecipeInvalidError(
                f"{place} is named for two things; the received file, the published file, the"
                " report and whatever else is read or written must be files of their own: name"
                " them apart.",
                code="files_same",
            )
        seen.append(place.resolve())


def _is_same(place: Path, other: Path) -> bool:
    if place.resolve() == other:
        return True
    return place.exists() and other.exists() and place.samefile(other)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`, locked, which is gone afterwards unless renamed.

    Raises FileBusyError if another run writes it, or what is there is not a file of one's own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.tidegate")
    number = _take(own, path)
    try:
        yield own
    finally:
        if _is_at(own, number):
            own.unlink()
        os.close(number)


def _take(own: Path, path: Path) -> int:
    """Open and lock a file; again if whoever held it took it away in between."""
    while True:
        number = _open(own)
        try:
            _check_own(own, number)
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(own, number):
                os.ftruncate(number, 0)
                os.fchmod(number, 0o600)
                return number
        except BlockingIOError:
            os.close(number)
            raise FileBusyError(
                f"Another run is writing {path}; wait until it ends, or name another file.",
                code="file_busy",
            ) from None
        except BaseException:
            os.close(number)
            raise
        os.close(number)


def _open(own: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(own, flags, 0o600)
    except OSError as problem:
        if problem.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise _strange(own) from None
        raise


def _check_own(own: Path, number: int) -> None:
    """Refuse a link, a pipe, or a file of somebody else, where only a leftover may be."""
    found = os.fstat(number)
    is_own = stat.S_ISREG(found.st_mode) and found.st_nlink < 2 and found.st_uid == os.geteuid()
    if not is_own:
        raise _strange(own)


def _is_at(own: Path, number: int) -> bool:
    """Tell whether the name still belongs to the open file."""
    mine = os.fstat(number)
    try:
        there = own.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)


def _strange(own: Path) -> FileBusyError:
    return FileBusyError(
        f"{own} is not a file that an earlier run of yours left; take it away, or name another"
        " file to write.",
        code="file_beside_strange",
    )


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes and have them on the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def put(path: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there."""
    with beside(path) as own:
        write_whole(own, data)
        own.replace(path)
    settle(path.parent)


def settle(*folders: Path) -> None:
    """Have new names survive a power cut."""
    for folder in {*folders}:
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
