"""Negotiations and a transfer of the seeded node, as real messages would have left them."""

from dataclasses import replace

import pytest
from sqlalchemy import insert

from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.dataplane import store as flows
from tidegate.connector.dataplane.model import DataFlowState, FlowRecord
from tidegate.connector.messages import store as messages
from tidegate.connector.messages.model import Direction, MessageRecord, MessageState, Side
from tidegate.connector.negotiation import store
from tidegate.connector.negotiation.model import Negotiation, NegotiationState
from tidegate.connector.negotiation.outgoing import evidence
from tidegate.connector.transfer import store as transfers
from tidegate.connector.transfer.flows import flow_of
from tidegate.connector.transfer.model import Transfer, TransferState
from tidegate.db.tables.work import work_task
from tidegate.kernel.clock import iso
from tidegate.kernel.text import Multilingual
from tidegate.policy.model import Decision, Finding, Outcome
from tidegate.policy.service import to_agreement, to_message_offer

TYPES = {
    "request": "ContractRequestMessage",
    "offer": "ContractOfferMessage",
    "agree": "ContractAgreementMessage",
    "verify": "ContractAgreementVerificationMessage",
    "finalize": "ContractNegotiationEventMessage",
}
DONE = {
    "request": "negotiation.requested",
    "offer": "negotiation.offered",
    "agree": "negotiation.agreed",
    "verify": "negotiation.verified",
    "finalize": "negotiation.finalized",
}


def urn(number: int) -> str:
    return f"urn:uuid:0b6e7d0e-1000-4b1c-9d2a-{number:012d}"


class Pen:
    """Writes negotiations into a node, each message with its leaf."""

    def __init__(self, site, peer) -> None:
        self.site, self.peer, self.count = site, peer, 0

    def begin(self, name, side, state, policy, dataset, offer_id, **changes) -> Negotiation:
        at = iso(self.site.clock.now())
        self.count += 1
        pid, offer = urn(self.count), changes.pop("offer", None)
        one = Negotiation(
            pid=pid, side=side, peer_did=self.peer.did, peer_name=self.peer.name,
            peer_pid=urn(100 + self.count), peer_address="http://localhost:7002/dsp/2025-1",
            dataset_id=dataset, version_id="ver_1", offer_id=offer_id,
            offer=offer or to_message_offer(policy, offer_id, dataset), offered_by=side.other,
            state=NegotiationState(state), created_by=f"node:{self.peer.did}", created_at=at,
            changed_by=f"node:{self.peer.did}", changed_at=at, rounds=1,
        )  # fmt: skip
        one = replace(one, **changes)
        with self.site.node.journal.write(
            by=one.created_by, did="negotiation.opened", to=f"negotiation:{pid}"
        ) as tx:
            store.insert_negotiation(tx.connection, one)
        self.site.ids[name] = pid
        return one

    def say(self, one, direction, action, state="", **changes) -> MessageRecord:
        """Keep one message of a negotiation."""
        self.site.clock.advance(seconds=20)
        at, position = iso(self.site.clock.now()), self.site.node.journal.read(
            messages.next_position, one.pid
        )  # fmt: skip
        out = direction is Direction.OUT
        record = MessageRecord(
            f"msg_{one.pid[-4:]}_{position}", one.pid, position, direction, TYPES[action], action,
            f"urn:uuid:{one.pid[-8:]}-{position}", {},
            MessageState(state or ("acknowledged" if out else "accepted")), 1, at, at,
            outcome="The peer acknowledged." if out else "Taken.",
        )  # fmt: skip
        record = replace(record, **changes)
        with self.site.node.journal.write(
            by="system:negotiation" if out else f"node:{self.peer.did}", did=DONE[action],
            to=f"negotiation:{one.pid}", why=evidence(one, record),
        ) as tx:  # fmt: skip
            messages.insert_message(tx.connection, record)
        return record


def seed(site, peer, ours, theirs) -> None:
    """Make one negotiation of every kind a person may meet; `ours` and `theirs` make policies."""
    pen = Pen(site, peer)
    _agreed(site, pen, ours)
    _failing(site, pen, theirs)
    _asking(site, pen, ours)
    _strange(site, pen)
    _countered(site, pen, theirs)
    _transfer(site, pen)
    _rows(site, pen)


def _agreed(site, pen, policy) -> None:
    agreement = site.node.house.policy.get_agreement(site.ids["given"])
    one = pen.begin(
        "agreed", Side.PROVIDER, "FINALIZED", policy(), site.ids["dataset"], site.ids["offer"],
        agreement=to_agreement(agreement),
    )  # fmt: skip
    for direction, action in (
        (Direction.IN, "request"), (Direction.OUT, "agree"), (Direction.IN, "verify"),
        (Direction.OUT, "finalize"),
    ):  # fmt: skip
        pen.say(one, direction, action)


def _failing(site, pen, policy) -> None:
    one = pen.begin(
        "failing", Side.CONSUMER, "INITIAL", policy(), "ds_peer", "offer_peer", peer_pid="",
        offered_by=Side.CONSUMER,
        pending=f"msg_{urn(pen.count + 1)[-4:]}_0", created_by=site.actor("sam").id,
    )  # fmt: skip
    record = pen.say(
        one, Direction.OUT, "request", "queued", attempts=0, outcome="", code=""
    )  # fmt: skip
    for _ in range(3):
        site.clock.advance(seconds=30)
        with site.node.journal.upkeep() as tx:
            messages.record_attempt(
                tx.connection, record.id, outcome="The other node cannot be reached now.",
                code="no_answer", at=tx.at,
            )  # fmt: skip
    now = iso(site.clock.now())
    with site.node.journal.upkeep() as tx:
        tx.connection.execute(
            insert(work_task),
            {
                "handler": "negotiation.deliver", "lane": one.pid, "payload": "{}",
                "state": "waiting", "attempts": 0, "due_after": 60.0, "queued_at": now,
                "due_at": "2099-01-01T00:00:00.000Z",
            },
        )  # fmt: skip


def _asking(site, pen, policy) -> None:
    wanted = policy(max_uses=500, delete_within_days=90, seats=("HK",), review="")
    one = pen.begin(
        "asking", Side.PROVIDER, "REQUESTED", wanted, site.ids["dataset"], site.ids["offer"],
        waiting="person", reason_code="terms_differ",
        reason="The terms differ from the offer that is published.",
    )  # fmt: skip
    pen.say(one, Direction.IN, "request")
    with site.node.journal.write(
        by="system:negotiation", did="negotiation.waiting", to=f"negotiation:{one.pid}",
        why={"reason": "terms_differ"},
    ):  # fmt: skip
        pass


def _strange(site, pen) -> None:
    strange = {
        "@type": "Offer", "@id": site.ids["offer"], "target": site.ids["dataset"],
        "permission": [{"action": "use", "constraint": [{
            "leftOperand": "https://example.org/moonPhase", "operator": "eq",
            "rightOperand": "full"}]}],
    }  # fmt: skip
    one = pen.begin(
        "strange", Side.PROVIDER, "REQUESTED", None, site.ids["dataset"], site.ids["offer"],
        offer=strange, waiting="person", reason_code="left_operand_unknown",
        reason="This node knows no constraint 'https://example.org/moonPhase' on 'use'.",
    )  # fmt: skip
    pen.say(one, Direction.IN, "request")


def _countered(site, pen, policy) -> None:
    offered = policy(max_uses=50, minimum_cell=20)
    one = pen.begin(
        "countered", Side.CONSUMER, "OFFERED", offered, "ds_peer", "offer_peer",
        waiting="person", reason_code="asked_by_strategy", reason="The provider proposes terms.",
        created_by=site.actor("rex").id,
    )  # fmt: skip
    pen.say(one, Direction.OUT, "request")
    pen.say(one, Direction.IN, "offer")


def _transfer(site, pen) -> None:
    at = iso(site.clock.now())
    one = Transfer(
        pid=urn(50), side=Side.PROVIDER, peer_did=pen.peer.did, peer_name=pen.peer.name,
        peer_pid=urn(150), peer_address="http://localhost:7002/dsp/2025-1",
        agreement_id=site.ids["given"], dataset_id=site.ids["dataset"], version_id="ver_1",
        format="Tidegate-Visit", person_ref="", state=TransferState.REQUESTED,
        created_by=f"node:{pen.peer.did}", created_at=at, changed_by=f"node:{pen.peer.did}",
        changed_at=at,
    )  # fmt: skip
    with site.node.journal.write(
        by=one.created_by, did="transfer.opened", to=f"transfer:{one.pid}"
    ) as tx:
        transfers.insert_transfer(tx.connection, one)
        messages.insert_message(tx.connection, MessageRecord(
            "msg_transfer", one.pid, 0, Direction.IN, "TransferRequestMessage", "request",
            "urn:uuid:transfer-0", {}, MessageState.ACCEPTED, 1, at, at, outcome="Taken.",
        ))  # fmt: skip
    site.ids["transfer"] = one.pid


def _rows(site, pen) -> None:
    """Seed rows on their way under one approval, and a request that waits for another."""
    approvals = site.node.house.approvals
    moving = _rows_transfer(site, pen, 51, TransferState.STARTED)
    asked = _rows_transfer(site, pen, 52, TransferState.REQUESTED)
    approved = ask(site, moving.pid, "HK-PDPO-02")
    approvals.approve(approved.id, "Contract 7 of 2026 covers these rows.", by=site.actor("carl"))
    waiting = ask(site, asked.pid, "HK-PDPO-02", "CN-EXP-04")
    flow = FlowRecord(
        flow_of(moving, site.node.house.participant.did), DataFlowState.STARTED,
        content="par_1", name="rows.zip", sha256="5e" * 32, total=4_000_000, moved=1_000_000,
        started_at=iso(site.clock.now()),
    )  # fmt: skip
    with site.node.journal.upkeep() as tx:
        flows.put_flow(tx.connection, flow, tx.at)
    coming = _rows_transfer(
        site, pen, 53, TransferState.STARTED, side=Side.CONSUMER, agreement_id=site.ids["taken"],
        dataset_id="ds_peer", version_id="ver_peer", created_by=site.actor("rex").id,
        person_ref=f"{site.node.house.participant.did}#{site.people['rex'].id}",
    )  # fmt: skip
    fetched = replace(
        flow, flow=flow_of(coming, site.node.house.participant.did), moved=2_500_000,
        misses=3, problem="unable", revision=0,
    )  # fmt: skip
    with site.node.journal.upkeep() as tx:
        flows.put_flow(tx.connection, fetched, tx.at)
    site.ids |= {"rows": moving.pid, "rows_asked": asked.pid, "rows_coming": coming.pid}
    site.ids |= {"approved": approved.id, "waiting": waiting.id}


def _rows_transfer(site, pen, number, state, **changes) -> Transfer:
    at = iso(site.clock.now())
    one = Transfer(
        pid=urn(number), side=Side.PROVIDER, peer_did=pen.peer.did, peer_name=pen.peer.name,
        peer_pid=urn(100 + number), peer_address="http://localhost:7002/dsp/2025-1",
        agreement_id=site.ids["given"], dataset_id=site.ids["dataset"],
        version_id=site.ids["version"], format="HttpData-PULL",
        person_ref=f"{pen.peer.did}#per_ada", state=state, created_by=f"node:{pen.peer.did}",
        created_at=at, changed_by=f"node:{pen.peer.did}", changed_at=at,
    )  # fmt: skip
    one = replace(one, **changes)
    with site.node.journal.write(
        by=one.created_by, did="transfer.opened", to=f"transfer:{one.pid}"
    ) as tx:
        transfers.insert_transfer(tx.connection, one)
    return one


def ask(site, transfer, *rules):
    house = site.node.house
    words = Multilingual(
        "Rows that leave Hong Kong need a recommended model contract.",
        "數據行離開香港須有建議的合約範本。",
        "数据行离开香港须有建议的合同范本。",
    )
    found = tuple(
        Finding(rule, Outcome.NEEDS_APPROVAL, words, "PDPO s.33; PCPD guidance 2022", "mech.kind")
        for rule in rules
    )
    pack = house.rulepacks.active_pack().hash
    decision = Decision(Outcome.NEEDS_APPROVAL, found, pack, "inputs", "dec_1")
    agreement = house.policy.get_agreement(site.ids["given"])
    with pytest.raises(ApprovalPendingError) as asked:
        house.approvals.check(agreement, seat_in(site, agreement.assignee), decision, transfer)
    return house.approvals.get(asked.value.details["approval"], by=site.actor("carl"))


def seat_in(site, did) -> str:
    """Return the seat this node knows of a participant, or an empty text."""
    member = site.node.house.space.find_member(did)
    return member.seat.value if member else ""
