"""Make parcels for agreements, open them at any place, and take in what other nodes send.

A parcel is one encrypted object under a key of its own, made once for an agreement and a version.
What arrives becomes a derived copy under its agreement: it is destroyed with the agreement, and the
certificate goes to the provider, like everything made from a provider's data.
"""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import msgspec

from tidegate.access.model import Actor, Participant, system_actor
from tidegate.audit.journal import Journal, Tx
from tidegate.catalogue.service import CatalogueService
from tidegate.commons import rules, store
from tidegate.commons.destruction import certificates
from tidegate.commons.lifecycle import READABLE
from tidegate.commons.model import CopyState, Derived, Holding, Parcel
from tidegate.commons.parquet import read_batches
from tidegate.commons.rows import packing
from tidegate.commons.vault.drafts import Draft
from tidegate.commons.vault.errors import KeyExistsError
from tidegate.commons.vault.service import Vault
from tidegate.deid.service import DeidService
from tidegate.kernel.canonical import Json, canonical_json
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.errors import TidegateError, WithheldError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.ids import Ids

KIND = "rows"
PACKER = system_actor("commons.rows")


class Readable(Protocol):
    """Clear bytes that can be read from any place; each was verified."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to another place."""
        ...

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, fewer at the end."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class ParcelGoneError(WithheldError):
    """The parcel was destroyed with its agreement or version."""


class _PackedTwiceError(Exception):
    """The same rows were packed at the same moment; `parcel` came first."""

    def __init__(self, parcel: Parcel) -> None:
        super().__init__(parcel.id)
        self.parcel = parcel


class RowsService:
    """Rows that leave this node and rows that come to it, never in clear on a disk."""

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
        check_agreement: Callable[[Tx, str], object],
    ) -> None:
        """Take the rooms beneath; `check_agreement` raises where an agreement has ended."""
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._vault = vault
        self._deid = deid
        self._catalogue = catalogue
        self._participant = participant
        self._check_agreement = check_agreement

    # --- what leaves

    def check_leaves(self, version_id: str) -> Holding:
        """Return the holding of a version whose rows may leave at all now.

        Raises NotReadyError unless it is stored, and de-identified under a signed report.
        """
        holding = self._journal.read(store.get_holding, version_id)
        rules.check_readable(holding, READABLE)
        rules.check_signed(holding)
        return holding

    def parcel_for(self, version_id: str, agreement_id: str) -> Parcel:
        """Return the parcel of a version for an agreement, making it where there is none."""
        holding = self.check_leaves(version_id)
        known = self._journal.read(store.find_parcel, agreement_id, version_id)
        return known or self._pack(holding, agreement_id)

    def open_parcel(self, parcel: Parcel) -> Readable:
        """Open a parcel to be read from any place; raise once its version may not leave."""
        self.check_leaves(parcel.version_id)
        if parcel.state is CopyState.DESTROYED:
            raise ParcelGoneError("These rows were destroyed with their agreement.")
        return self._vault.open(parcel.stored)

    def drop_parcels(self, *, agreement_id: str = "", version_id: str = "") -> int:
        """Destroy the parcels made for an agreement, or from a version; return how many."""
        found = self._journal.read(
            store.list_parcels, agreement_id=agreement_id, version_id=version_id
        )
        held = [one for one in found if one.state is CopyState.HELD]
        for parcel in held:
            self._vault.keys.destroy(parcel.stored.key)
            self._vault.delete(parcel.stored.path)
            with self._journal.write(
                by=PACKER.id,
                did="parcel.destroyed",
                to=f"parcel:{parcel.id}",
                why={"agreement": parcel.agreement_id, "version": parcel.version_id},
            ) as tx:
                gone = replace(parcel, state=CopyState.DESTROYED)
                store.save_parcel(tx.connection, gone)
        return len(held)

    def _pack(self, holding: Holding, agreement_id: str) -> Parcel:
        parcel_id = self._ids.new("par")
        record = self._catalogue.get_version(holding.version_id)
        words = msgspec.json.decode(msgspec.json.encode(record.codebook))
        rename = self._deid.renamer(f"rows/{agreement_id}")
        with self._vault.intents.hold(parcel_id):
            with self._vault.all_or_nothing(parcel_id):
                self._vault.keys.create(parcel_id)
                with self._vault.writing(f"{parcel_id}/rows", parcel_id) as deposit:
                    digest = packing.write_parcel(
                        deposit.file,
                        {
                            one.table: read_batches(self._vault, one.stored)
                            for one in holding.tables
                        },
                        canonical_json(words),
                        _naming_columns(holding),
                        rename,
                    )
            failpoint("rows.packed")
            parcel = Parcel(
                id=parcel_id,
                agreement_id=agreement_id,
                version_id=holding.version_id,
                name=f"{holding.dataset_id}-{holding.version_id}.zip",
                media_type=packing.MEDIA_TYPE,
                sha256=digest,
                stored=deposit.stored,
                made_at=iso(self._clock.now()),
            )
            try:
                self._keep_parcel(parcel)
            except _PackedTwiceError as twice:
                self._vault.tidy(parcel_id, frozenset(), frozenset())
                return twice.parcel
            except TidegateError:
                self._vault.tidy(parcel_id, frozenset(), frozenset())
                raise
        return parcel

    def _keep_parcel(self, parcel: Parcel) -> None:
        """Keep a parcel that was written under its own key, with its evidence.

        Its version and agreement are looked at once more: what ends them while rows are packed has
        destroyed their other parcels already, and would never come back to this one.
        """
        why: dict[str, Json] = {
            "agreement": parcel.agreement_id,
            "version": parcel.version_id,
            "sha256": parcel.sha256,
            "bytes": parcel.stored.size,
        }
        with self._journal.write(
            by=PACKER.id, did="parcel.made", to=f"parcel:{parcel.id}", why=why
        ) as tx:
            rules.check_readable(store.get_holding(tx.connection, parcel.version_id), READABLE)
            self._check_agreement(tx, parcel.agreement_id)
            known = store.find_parcel(tx.connection, parcel.agreement_id, parcel.version_id)
            if known is not None:
                raise _PackedTwiceError(known)
            store.add_parcel(tx.connection, parcel)

    # --- what arrives

    def new_arrival(self) -> str:
        """Return the id of a copy that is about to arrive."""
        return self._ids.new("der")

    def open_arrival(self, arrival_id: str) -> Draft:
        """Begin, or go on, to take in a copy: encrypted under a key of its own from byte one."""
        with contextlib.suppress(KeyExistsError):
            self._vault.keys.create(arrival_id)
        return self._vault.draft(f"{arrival_id}/content", arrival_id)

    def keep_arrival(
        self,
        arrival_id: str,
        draft: Draft,
        *,
        source: str,
        agreement_id: str,
        provider: str,
        name: str,
        tell: bool,
    ) -> Derived:
        """Publish a copy that is whole and was checked, as derived under its agreement.

        Raises, and keeps nothing, where its agreement has ended. `tell`: report the copy to its
        provider, where that is a node that takes such reports.
        """
        derived = Derived(
            id=arrival_id,
            source=source,
            agreement_id=agreement_id,
            provider=provider,
            holder=self._participant.did,
            kind=KIND,
            name=name,
            state=CopyState.HELD,
            recorded_at=iso(self._clock.now()),
            stored=draft.finish(),
        )
        failpoint("rows.published")
        why: dict[str, Json] = {
            "agreement": agreement_id,
            "kind": KIND,
            "source": source,
            "sha256": draft.sha256,
        }
        try:
            with self._journal.write(
                by=PACKER.id, did="derived.kept", to=f"derived:{arrival_id}", why=why
            ) as tx:
                self._check_agreement(tx, agreement_id)
                if self._vault.keys.is_destroyed(arrival_id):
                    raise ParcelGoneError("What arrived was dropped while it was kept.")
                store.add_derived(tx.connection, derived)
                if tell:
                    words = certificates.copy_words(derived)
                    tx.send(to=provider, kind="derived.reported", body=words)
        except TidegateError:
            self._vault.tidy(arrival_id, frozenset(), frozenset())
            raise
        return derived

    def find_arrival(self, arrival_id: str) -> Derived | None:
        """Return a copy that arrived whole, or None."""
        return self._journal.read(store.find_derived, arrival_id)

    def drop_arrival(self, arrival_id: str) -> None:
        """Destroy what has arrived of a copy that will never be whole; a whole one stays.

        Its key goes inside a write, so that nobody keeps the copy in that moment.
        """
        with self._journal.upkeep() as tx:
            if store.find_derived(tx.connection, arrival_id) is not None:
                return
            self._vault.keys.destroy(arrival_id)
        self._vault.drop_draft(f"{arrival_id}/content")

    def free_bytes(self) -> int:
        """Return how many bytes are free where copies arrive."""
        return self._vault.free_bytes()

    def open_copy(self, derived_id: str, *, by: Actor) -> tuple[Derived, Readable]:
        """Open a copy that arrived, to be read from any place, with evidence of who did."""
        derived = self.find_arrival(derived_id)
        if derived is None or derived.stored is None or derived.kind != KIND:
            raise ParcelGoneError("This node keeps no such copy of rows.", code="copy_unknown")
        if derived.state is CopyState.DESTROYED:
            raise ParcelGoneError("This copy was destroyed; its certificate says when.")
        opened = self._vault.open(derived.stored)
        self._journal.note(by=by.id, did="derived.opened", to=f"derived:{derived_id}")
        return derived, opened


def _naming_columns(holding: Holding) -> dict[str, frozenset[str]]:
    """Return the columns that name people, by table: what the report says was pseudonymised."""
    found: dict[str, set[str]] = {}
    for place in holding.report.pseudonymised if holding.report else ():
        table, _, column = place.partition(".")
        found.setdefault(table, set()).add(column)
    return {table: frozenset(names) for table, names in found.items()}
