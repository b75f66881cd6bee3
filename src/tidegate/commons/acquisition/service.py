"""Acquire data: every row received is accepted or quarantined, and nothing acknowledged is lost.

Rows that identify people are encrypted under a key of the version's intake from the first byte on
the disk. The version exists once the journal's write commits; until then a mark in the vault says
that work is in progress, and what a killed process left is removed at the next start.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from tidegate.access.model import Actor, Participant
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.model import (
    Codebook,
    DatasetRecord,
    QualityCheck,
    QualityProfile,
    VersionRecord,
)
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import rules, store
from tidegate.commons.acquisition import notes
from tidegate.commons.acquisition.intake import Loaded, Loader
from tidegate.commons.acquisition.sources import FileSource, Source, TableReader, table_name
from tidegate.commons.errors import FileRefusedError
from tidegate.commons.lifecycle import LIFECYCLE
from tidegate.commons.model import AcquireReport, CopyState, Descriptor, Holding, Stage, Upload
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.service import Vault
from tidegate.deid.service import DeidService
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import Ids
from tidegate.kernel.text import has_hidden_characters

_UPLOAD_HOURS = 24
LONGEST_NAME = 200  # characters of a file's name


class AcquisitionService:
    """Takes files in."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        vault: Vault,
        deid: DeidService,
        catalogue: CatalogueService,
        participant: Participant,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._vault = vault
        self._deid = deid
        self._catalogue = catalogue
        self._participant = participant

    def read_descriptor(
        self, document: Any, *, title: str = "", roles: tuple[str, ...] = ()
    ) -> Descriptor:
        """Read the description of the data from JSON and `column=role` options."""
        return notes.with_roles(notes.read_descriptor(document, title), roles)

    def acquire(
        self,
        sources: Sequence[Source],
        descriptor: Descriptor,
        *,
        by: Actor,
        dataset_id: str = "",
    ) -> AcquireReport:
        """Acquire files as a new dataset, or as a new version of `dataset_id`."""
        rules.check_role(by, rules.STEWARDS, "acquire data")
        rules.check_descriptor(descriptor)
        LIFECYCLE.step(Stage.PLANNED, "acquire", by="steward")
        version = self._ids.new("ver")
        dataset = dataset_id or self._ids.new("ds")
        with self._vault.intents.hold(version):
            try:
                _check_sources(sources)
                self._check_columns(sources, descriptor)
                loaded = self._load(version, sources, descriptor)
                _check_rows(loaded)
                failpoint("acquire.commit")
                self._register(version, dataset, loaded, descriptor, by, is_new=not dataset_id)
            except TidegateError as refusal:
                self._vault.tidy(version, *self._in_use(version))
                why: dict[str, Json] = {"reason": refusal.code, "version": version}
                self._journal.note(
                    by=by.id, did="version.acquisition_refused", to=f"dataset:{dataset}", why=why
                )
                raise
        failpoint("acquire.acknowledge")
        return _report(version, dataset, loaded)

    def acquire_files(
        self, paths: Sequence[Path], descriptor: Descriptor, *, by: Actor, dataset_id: str = ""
    ) -> AcquireReport:
        """Acquire files that lie on this machine."""
        sources = [FileSource(path) for path in paths]
        return self.acquire(sources, descriptor, by=by, dataset_id=dataset_id)

    def recover(self) -> int:
        """Remove what killed acquisitions and de-identifications left behind; return how much."""
        return self._vault.recover(self._in_use)

    def receive_upload(self, name: str, pieces: Iterable[bytes], *, by: Actor) -> Upload:
        """Encrypt a file as it streams in, under a key of its own; it waits a day."""
        rules.check_role(by, rules.STEWARDS, "upload data")
        upload_id = self._ids.new("up")
        clean = name.replace("\\", "/").rpartition("/")[2]
        if not table_name(clean) or clean.startswith(".") or not _is_file_name(clean):
            raise FileRefusedError("An upload needs the name of a file.", code="upload_name")
        with self._vault.intents.hold(upload_id):
            try:
                stored, digest = self._spool(upload_id, pieces)
            except BaseException:
                self._vault.tidy(upload_id, *self._in_use(upload_id))
                raise
            upload = Upload(upload_id, clean, by.id, iso(self._clock.now()), stored)
            with self._journal.upkeep() as tx:
                store.add_upload(tx.connection, upload)
            why: dict[str, Json] = {"bytes": stored.size, "sha256": digest}
            self._journal.note(by=by.id, did="upload.received", to=f"upload:{upload_id}", why=why)
        return upload

    def _spool(self, upload_id: str, pieces: Iterable[bytes]) -> tuple[StoredObject, str]:
        """Encrypt the pieces as they come; return what was stored and its SHA-256 in the clear."""
        self._vault.keys.create(upload_id)
        digest = hashlib.sha256()
        with self._vault.writing(f"{upload_id}/file", upload_id) as deposit:
            for piece in pieces:
                digest.update(piece)
                deposit.file.write(piece)
        return deposit.stored, digest.hexdigest()

    def acquire_uploads(
        self,
        upload_ids: Sequence[str],
        descriptor: Descriptor,
        *,
        by: Actor,
        dataset_id: str = "",
    ) -> AcquireReport:
        """Acquire files that were uploaded before; the spooled bytes and their keys then go."""
        with ExitStack() as held:
            for upload in sorted(self._uploads(upload_ids, by), key=lambda one: one.id):
                held.enter_context(self._vault.intents.hold(upload.id))
            uploads = self._uploads(upload_ids, by)  # again: another call may have taken them
            sources = [_UploadSource(self._vault, upload) for upload in uploads]
            report = self.acquire(sources, descriptor, by=by, dataset_id=dataset_id)
            self._forget(uploads)
        return report

    def _uploads(self, upload_ids: Sequence[str], by: Actor) -> list[Upload]:
        """Return a person's uploads that wait; raise FileRefusedError where one does not."""
        mine = {u.id: u for u in self._journal.read(store.list_uploads) if u.person == by.id}
        if not upload_ids or set(upload_ids) - set(mine):
            raise FileRefusedError("Upload each file first; then name it.", code="upload_unknown")
        return [mine[upload_id] for upload_id in dict.fromkeys(upload_ids)]

    def drop_old_uploads(self) -> int:
        """Remove uploads nobody used within a day; return how many."""
        before = iso(self._clock.now() - timedelta(hours=_UPLOAD_HOURS))
        old = self._journal.read(store.list_uploads, before=before)
        self._forget(old)
        return len(old)

    def list_holdings(self) -> tuple[Holding, ...]:
        """Return every holding of this node."""
        return self._journal.read(store.list_holdings)

    def _forget(self, uploads: Iterable[Upload]) -> None:
        for upload in uploads:
            self._vault.keys.destroy(upload.id)
            self._vault.delete(upload.stored.path)
            with self._journal.upkeep() as tx:
                store.remove_upload(tx.connection, upload.id)

    def _check_columns(self, sources: Sequence[Source], descriptor: Descriptor) -> None:
        tables = {}
        for source in sources:
            with TableReader(source, descriptor) as reader:
                tables[reader.name] = reader.columns
                if any(map(self._deid.kind_of, reader.columns)):
                    raise FileRefusedError(
                        f"{source.name} was not acquired: its first line holds somebody's number or"
                        " address. Put the names of the columns there.",
                        code="header_identifies",
                        file=source.name,
                    )
        notes.check_columns(descriptor, tables)

    def _load(
        self, version: str, sources: Sequence[Source], descriptor: Descriptor
    ) -> tuple[Loaded, ...]:
        key = f"{version}.intake"
        self._vault.keys.create(key)
        loader = Loader(self._vault, self._deid, lambda: f"{version}/{self._ids.new('obj')}", key)
        return tuple(loader.load(source, descriptor) for source in sources)

    def _register(
        self,
        version: str,
        dataset: str,
        loaded: tuple[Loaded, ...],
        descriptor: Descriptor,
        by: Actor,
        *,
        is_new: bool,
    ) -> None:
        report = _report(version, dataset, loaded)
        why: dict[str, Json] = {
            "dataset": dataset,
            "received": report.received,
            "accepted": report.accepted,
            "quarantined": report.quarantined,
            "files": [one.file.sha256 for one in loaded],
        }
        with self._journal.write(
            by=by.id, did="version.acquired", to=f"version:{version}", why=why
        ) as tx:
            if is_new:
                self._catalogue.register_dataset(tx, self._dataset(tx, dataset, descriptor))
            number = self._catalogue.next_number(tx, dataset)
            self._catalogue.register_version(tx, _version(tx, version, dataset, number, loaded))
            store.add_holding(tx.connection, _holding(tx, version, dataset, loaded, descriptor))
            tx.note(did="dataset.acquired", to=f"dataset:{dataset}", why={"version": version})

    def _dataset(self, tx: Tx, dataset: str, descriptor: Descriptor) -> DatasetRecord:
        return DatasetRecord(
            id=dataset,
            title=descriptor.title,
            description=descriptor.description,
            keywords=descriptor.keywords,
            theme=descriptor.theme,
            publisher=self._participant,
            created_at=tx.at,
            source_note=descriptor.source_note,
        )

    def _in_use(self, folder: str) -> tuple[frozenset[str], frozenset[str]]:
        """Name the objects and keys of a version or upload that the database knows of."""
        with self._journal.reading() as conn:
            holding = store.find_holding(conn, folder)
            uploads = [u for u in store.list_uploads(conn) if u.id == folder]
            derived = store.find_derived(conn, folder)
            parcel = store.get_parcel(conn, folder)
        objects = list(holding.objects()) if holding else [u.stored for u in uploads]
        if derived and derived.stored:
            objects.append(derived.stored)
        if parcel and parcel.state is CopyState.HELD:
            objects.append(parcel.stored)
        keys = {stored.key for stored in objects}
        if holding and holding.stage is not Stage.DESTROYED:
            keys.add(folder)
        return frozenset(stored.path for stored in objects), frozenset(keys)


def _is_file_name(name: str) -> bool:
    is_one_line = len(name.splitlines()) == 1
    return is_one_line and len(name) <= LONGEST_NAME and not has_hidden_characters(name)


class _UploadSource:
    """An upload, read back through the vault."""

    def __init__(self, vault: Vault, upload: Upload) -> None:
        self._vault = vault
        self._upload = upload

    @property
    def name(self) -> str:
        return self._upload.name

    def open(self) -> BinaryIO:
        return self._vault.open(self._upload.stored)


def _check_sources(sources: Sequence[Source]) -> None:
    names = [table_name(source.name).casefold() for source in sources]
    if not names or len(set(names)) < len(names):
        raise FileRefusedError(
            "Give one or more files, each with a name of its own: a file's name names its table.",
            code="files_names",
        )


def _check_rows(loaded: tuple[Loaded, ...]) -> None:
    """Raise FileRefusedError where no file holds a row; one empty table beside others may be."""
    if not any(one.file.rows for one in loaded):
        names = ", ".join(one.file.name for one in loaded)
        raise FileRefusedError(
            f"Names of columns and not one row ({names}): that is no dataset. Export the rows"
            " again and acquire that file.",
            code="no_rows",
        )


def _report(version: str, dataset: str, loaded: tuple[Loaded, ...]) -> AcquireReport:
    reasons: Counter[str] = Counter()
    for one in loaded:
        reasons.update(dict(one.reasons))
    return AcquireReport(
        dataset=dataset,
        version=version,
        received=sum(one.file.rows for one in loaded),
        accepted=sum(one.intake.rows for one in loaded),
        quarantined=sum(one.quarantined for one in loaded),
        tables=tuple(one.table.name for one in loaded),
        suggestions=tuple(said for one in loaded for said in one.suggestions),
        reasons=tuple(sorted(reasons.items())),
    )


def _version(
    tx: Tx, version: str, dataset: str, number: int, loaded: tuple[Loaded, ...]
) -> VersionRecord:
    report = _report(version, dataset, loaded)
    return VersionRecord(
        id=version,
        dataset_id=dataset,
        number=number,
        stage=Stage.ACQUIRED.value,
        created_at=tx.at,
        codebook=Codebook(tuple(one.table for one in loaded)),
        quality=QualityProfile(tuple(one.quality for one in loaded), _checks(loaded)),
        rows_received=report.received,
        rows_accepted=report.accepted,
        rows_quarantined=report.quarantined,
        files=tuple(one.file for one in loaded),
    )


def _checks(loaded: tuple[Loaded, ...]) -> tuple[QualityCheck, ...]:
    checks = []
    for one in loaded:
        name, column = one.table.name, one.table.find_column(one.table.person_key)
        bad = one.quarantined
        checks.append(QualityCheck(f"{name}: every row readable", not bad, f"{bad} quarantined"))
        repeated = one.quality.duplicates
        checks.append(QualityCheck(f"{name}: no row repeats", not repeated, f"{repeated} repeats"))
        if column is not None:
            filled = f"{column.missing} rows without it"
            checks.append(QualityCheck(f"{name}: person key filled", not column.missing, filled))
    return tuple(checks)


def _holding(
    tx: Tx, version: str, dataset: str, loaded: tuple[Loaded, ...], descriptor: Descriptor
) -> Holding:
    under14 = {one.has_under14 for one in loaded}
    until = tx.now + timedelta(days=365 * descriptor.retain_years + descriptor.retain_years // 4)
    return Holding(
        version_id=version,
        dataset_id=dataset,
        stage=Stage.ACQUIRED,
        revision=1,
        acquired_at=tx.at,
        retain_until=iso(until),
        has_under14="yes" if "yes" in under14 else "no" if "no" in under14 else "",
        intake=tuple(one.intake for one in loaded),
        quarantine=tuple(one.quarantine for one in loaded if one.quarantine is not None),
    )
