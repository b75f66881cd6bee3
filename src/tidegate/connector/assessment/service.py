"""Ask the rule pack about a flow: at negotiation, at each query, at release, at destruction."""

from tidegate.access.model import Actor, Seat
from tidegate.connector.assessment import inputs
from tidegate.connector.assessment.errors import SeatUnknownError
from tidegate.connector.assessment.model import (
    AssessmentSettings,
    DestructionFacts,
    EvidenceFacts,
    Mode,
    Output,
    Question,
    Sources,
    Way,
)
from tidegate.kernel.clock import Clock
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import Agreement, Decision, Inputs, Policy
from tidegate.policy.rulepack.service import RulePackService
from tidegate.policy.service import policy_purposes

__all__ = [
    "AssessmentService",
    "AssessmentSettings",
    "DestructionFacts",
    "EvidenceFacts",
    "Mode",
    "Sources",
    "Way",
]

NEGOTIATOR = "system:negotiation"
QUERY = Way()


class AssessmentService:
    """Gathers what every room knows of a flow, and keeps the rule pack's answer as evidence.

    Every method returns the decision, allowed or not; `policy.rulepack.service.check_allowed`
    turns one that is not into a refusal in words.
    """

    def __init__(
        self,
        rulepacks: RulePackService,
        sources: Sources,
        clock: Clock,
        settings: AssessmentSettings | None = None,
    ) -> None:
        self._rulepacks = rulepacks
        self._sources = sources
        self._clock = clock
        self._settings = settings or AssessmentSettings()

    def has_permit(self, question: Question) -> bool:
        """Return whether partners' whole gate opens for everyone the permit names."""
        return self._sources.is_open(_asked(question))

    def assess(self, question: Question) -> Decision:
        """Judge whether this policy may be signed between these two for this version."""
        about = f"negotiation:{question.negotiation}"
        policy = question.policy
        groups = self._groups(
            self._sources.facts(_asked(question)),
            question.version_id,
            policy,
            Way(inputs.mode_of(policy), columns=()),
        )
        groups["contract"] = inputs.offer_group(policy, about, self._settings)
        return self._rulepacks.decide(groups, by=NEGOTIATOR, to=about)

    def assess_query(
        self,
        agreement: Agreement,
        person_ref: str,
        gate: GateFacts,
        *,
        by: Actor | str,
        to: str = "",
        way: Way = QUERY,
    ) -> Decision:
        """Judge one use under an agreement, as it is about to run."""
        groups = self._use(agreement, person_ref, gate, way)
        return self._rulepacks.decide(groups, by=by, to=to or f"agreement:{agreement.id}")

    def assess_release(
        self,
        agreement: Agreement,
        person_ref: str,
        gate: GateFacts,
        output: Output,
        *,
        by: Actor | str,
        to: str = "",
    ) -> Decision:
        """Judge whether a result may leave; across the border only after a person's check."""
        way = Way(Mode.EXPORT_RESULT, rows_visible=output.individual_level, columns=())
        groups = self._use(agreement, person_ref, gate, way)
        groups["output"] = inputs.output_group(output)
        return self._rulepacks.decide(groups, by=by, to=to or f"agreement:{agreement.id}")

    def assess_destruction(
        self,
        version_id: str,
        holder: str,
        facts: DestructionFacts,
        *,
        by: Actor | str,
        to: str = "",
    ) -> Decision:
        """Judge whether the destruction of a version at `holder` (a DID) is complete."""
        seat = self._seat(holder)
        groups = inputs.merged(
            {
                "flow": inputs.flow_group(seat, seat, Way(Mode.DESTROY)),
                "use": {"purpose": "none", "research": False, "creates_derived": False},
                "contract": {"state": "none", "space_requires_filing": False, "inherit": False},
                "mech": {"kind": "none"},
                "evidence": inputs.evidence_group(self._sources.evidence(), self._settings),
                "dataset": {"origin": seat.jurisdiction},
                "destroy": inputs.destroy_group(facts),
            },
            self._sources.data(version_id),
        )
        return self._rulepacks.decide(groups, by=by, to=to or f"version:{version_id}")

    def _use(
        self, agreement: Agreement, person_ref: str, gate: GateFacts, way: Way
    ) -> dict[str, inputs.Group]:
        groups = self._groups(gate, agreement.version_id, agreement.policy, way)
        groups["use"]["person"] = person_ref
        groups["contract"] = inputs.contract_group(agreement, self._settings, self._clock.now())
        groups["env"]["purged"] = self._sources.purged(agreement.id, agreement.assignee)
        return groups

    def _groups(
        self, facts: GateFacts, version_id: str, policy: Policy, way: Way
    ) -> dict[str, inputs.Group]:
        source, viewer = self._seat(facts.question.provider), self._seat(facts.question.recipient)
        known: Inputs = {
            "flow": inputs.flow_group(source, viewer, way),
            "dataset": {"origin": source.jurisdiction},
            "provider": {"seat": source.value},
            "recipient": {"seat": viewer.value},
            "use": inputs.use_group(way, facts, policy),
            "connector": {"mutual_auth": way.peer_authenticated},
            "evidence": inputs.evidence_group(self._sources.evidence(), self._settings),
            "env": {
                "integrity_ok": self._sources.env_intact(),
                "kind": self._settings.env_kind,
                "purged": False,
            },
        }
        data = self._sources.data(version_id)
        return inputs.merged(self._settings.stated, known, facts.rule_inputs, data)

    def _seat(self, did: str) -> Seat:
        seat = self._sources.seat_of(did)
        if seat is None:
            raise SeatUnknownError(
                "The legal seat of a party is not attested in this space; have the authority "
                "issue its seat credential.",
                code="seat_unknown",
                party=did,
            )
        return seat


def _asked(question: Question) -> GateQuestion:
    """Return the question to the gate: everyone the permit names is meant."""
    codes = tuple(inputs.purpose_code(one) for one in policy_purposes(question.policy))
    return GateQuestion(question.provider, question.consumer, question.dataset_id, codes)
