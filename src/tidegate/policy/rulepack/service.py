"""Decide by the rule packs the space's authority has listed, and keep receipts."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from tidegate.access.model import Actor
from tidegate.audit.journal import Journal
from tidegate.kernel.canonical import Json, sha256_hex
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.policy.errors import DecisionCorruptError, RulepackUnlistedError
from tidegate.policy.model import Decision, Inputs
from tidegate.policy.rulepack import store
from tidegate.policy.rulepack.engine import decide, plain_inputs
from tidegate.policy.rulepack.loading import load_shipped
from tidegate.policy.rulepack.model import LawRule, Receipt, RulePack
from tidegate.policy.rulepack.receipts import MEDIA_TYPE, make_again, pack_named, write_receipt
from tidegate.policy.rulepack.words import OUTCOMES, check_allowed, gravest, in_words

__all__ = [
    "OUTCOMES",
    "RulePackService",
    "check_allowed",
    "gravest",
    "in_words",
    "load_shipped",
    "shipped_hashes",
]


def shipped_hashes() -> tuple[str, ...]:
    """Return the hashes an authority lists in space.json when it publishes the shipped packs."""
    return tuple(pack.hash for pack in load_shipped())


class RulePackService:
    """The law as this space applies it, and every decision made by it."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        *,
        listed: Callable[[], Iterable[str]],
        packs: tuple[RulePack, ...],
    ) -> None:
        """Take the packs at hand and a question for the hashes space.json lists."""
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._listed = listed
        self._packs = {pack.hash: pack for pack in packs}

    def list_packs(self) -> tuple[RulePack, ...]:
        """Return the packs that are both at hand and listed, newest version last."""
        listed = set(self._listed())
        known = (pack for name, pack in self._packs.items() if name in listed)
        return tuple(sorted(known, key=lambda pack: (pack.name, _counted(pack.version))))

    def active_pack(self) -> RulePack:
        """Return the pack that judges now; raise RulepackUnlistedError if the space lists none."""
        packs = self.list_packs()
        if not packs:
            raise RulepackUnlistedError(
                "The space lists no rule pack this node holds; ask the authority to publish one. "
                "Nothing is decided until then.",
                code="rulepack_unlisted",
            )
        return packs[-1]

    def explain(self, rule_id: str) -> LawRule:
        """Return one rule of the active pack."""
        return self.active_pack().get_rule(rule_id)

    def decide(self, inputs: Inputs, *, by: Actor | str, to: str) -> Decision:
        """Judge a flow by the active pack, and keep the receipt as evidence about `to`."""
        pack, who = self.active_pack(), by if isinstance(by, str) else by.id
        plain = plain_inputs(dict(inputs))
        now = self._clock.now()
        receipt_id = self._ids.new("dec")
        made = replace(decide(pack, plain, on=now.date()), receipt_id=receipt_id)
        receipt = Receipt(receipt_id, to, who, iso(now), plain, made)
        document = write_receipt(receipt, pack)
        digest = sha256_hex(document)
        why: dict[str, Json] = {
            "receipt": receipt_id,
            "receipt_sha256": digest,
            "outcome": made.outcome.value,
            "rules": [one.rule for one in made.findings],
            "pack": pack.hash,
            "inputs": made.inputs_hash,
        }
        contract = plain.get("contract", {}).get("id")
        if isinstance(contract, str) and contract != to:
            why["agreement"] = contract
        with self._journal.write(by=who, did="decision.made", to=to, why=why) as tx:
            store.add_decision(
                tx.connection,
                id=receipt_id,
                subject=to,
                decided_by=who,
                decided_at=receipt.decided_at,
                outcome=made.outcome.value,
                pack_hash=pack.hash,
                inputs_hash=made.inputs_hash,
                receipt_sha256=tx.attach(MEDIA_TYPE, document),
            )
        return made

    def get_receipt(self, receipt_id: str) -> Receipt:
        """Return a receipt after making its decision again; raise where the two differ."""
        row, document = self._journal.read(store.get_decision, receipt_id)
        if sha256_hex(document) != row.receipt_sha256:
            raise DecisionCorruptError(
                "The stored receipt is not the one the evidence names.",
                code="receipt_hash",
                receipt=receipt_id,
            )
        pack = self._packs.get(pack_named(document))
        if pack is None:
            raise RulepackUnlistedError(
                "This node no longer holds the rule pack of that decision; restore it to replay.",
                code="rulepack_absent",
            )
        return replace(make_again(document, pack), sha256=row.receipt_sha256)

    def replay(self, receipt_id: str) -> Decision:
        """Make an old decision again from its receipt, by the pack of its day."""
        return self.get_receipt(receipt_id).decision

    def list_decisions(self, *, subject: str = "", limit: int = 100) -> tuple[Receipt, ...]:
        """Return the latest decisions, all or those about one subject, newest first."""
        ids = self._journal.read(store.list_decisions, subject=subject, limit=limit)
        return tuple(self.get_receipt(one) for one in ids)

    def documents(self) -> tuple[bytes, ...]:
        """Return the listed packs as bundles carry them: the SHA-256 of the bytes is the name."""
        return tuple(pack.body for pack in self.list_packs())


def _counted(version: str) -> list[tuple[int, str]]:
    """Return a version as what is compared: 2026.10 comes after 2026.9."""
    return [(int(part or 0), word) for word, part in re.findall(r"(\D*)(\d*)", version)]
