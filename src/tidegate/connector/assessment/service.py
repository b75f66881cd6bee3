"""Ask the rule pack about a flow: at negotiation, at each query, at release, at destruction."""

from tidegate.access.model import Actor, Seat
from tidegate.connector.assessment import inputs
from tidegate.connector.assessment.errors import SeatUnknownError
from tidegate.connector.assessment.model import (
    AssessmentSettings,
    DestructionFacts,
    Mode,
    OutputFacts,
    Sources,
    UseAsked,
)
from tidegate.kernel.clock import Clock
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import Agreement, Decision, Inputs, Policy
from tidegate.policy.rulepack.service import RulePackService

__all__ = [
    "AssessmentService",
    "AssessmentSettings",
    "DestructionFacts",
    "Mode",
    "OutputFacts",
    "Sources",
    "UseAsked",
]


class AssessmentService:
    """Gathers what every room knows of a flow, and keeps the rule pack's answer as evidence.

    Every method returns the decision, allowed or not; `policy.rulepack.service.check_allowed`
    turns one that is not into a refusal in words. The gate's refusals are raised as they are.
    """

    def __init__(
        self,
        rulepacks: RulePackService,
        sources: Sources,
        clock: Clock,
        settings: AssessmentSettings,
    ) -> None:
        self._rulepacks = rulepacks
        self._sources = sources
        self._clock = clock
        self._settings = settings

    def assess_negotiation(
        self,
        policy: Policy,
        question: GateQuestion,
        *,
        version_id: str,
        about: str,
        by: Actor,
    ) -> Decision:
        """Judge whether this policy may be signed between these two for this version.

        `question` names provider, recipient, dataset and purposes, with no person: everyone the
        permit names is meant. `about` is the subject of the evidence, such as `negotiation:…`.
        """
        facts = self._sources.gate(question)
        purpose = question.purposes[0] if question.purposes else ""
        use = UseAsked(purpose, fields_subset=True, mode=inputs.mode_of(policy))
        use_of = inputs.use_group(use, facts.people[0] if facts.people else "", policy)
        groups = self._groups(facts, version_id, use, use_of)
        groups["contract"] = inputs.offer_group(policy, about, self._settings)
        return self._rulepacks.decide(groups, by=by, to=about)

    def assess_query(
        self, agreement: Agreement, person_ref: str, use: UseAsked, *, by: Actor, about: str = ""
    ) -> Decision:
        """Judge one use under an agreement, as it is about to run."""
        groups = self._use(agreement, person_ref, use)
        return self._rulepacks.decide(groups, by=by, to=about or f"agreement:{agreement.id}")

    def assess_release(
        self,
        agreement: Agreement,
        person_ref: str,
        use: UseAsked,
        output: OutputFacts,
        *,
        by: Actor,
        about: str = "",
    ) -> Decision:
        """Judge whether a result may leave; across the border only after a person's check."""
        leaving = UseAsked(
            use.purpose,
            use.fields_subset,
            Mode.EXPORT_RESULT,
            rows_visible=output.individual_level,
            peer_authenticated=use.peer_authenticated,
        )
        groups = self._use(agreement, person_ref, leaving)
        groups["output"] = inputs.output_group(output)
        return self._rulepacks.decide(groups, by=by, to=about or f"agreement:{agreement.id}")

    def assess_destruction(
        self, version_id: str, holder: str, facts: DestructionFacts, *, by: Actor, about: str = ""
    ) -> Decision:
        """Judge whether the destruction of a version at `holder` (a DID) is complete."""
        seat = self._seat(holder)
        use = UseAsked("", fields_subset=True, mode=Mode.DESTROY)
        groups = inputs.merged(
            {
                "flow": inputs.flow_group(seat, seat, use),
                "use": {"purpose": "", "research": False, "creates_derived": False},
                "contract": {"state": "none", "space_requires_filing": False, "inherit": False},
                "mech": {"kind": "none"},
                "evidence": inputs.evidence_group(self._sources.evidence(), self._settings),
                "dataset": {"origin": seat.jurisdiction},
                "destroy": inputs.destroy_group(facts),
            },
            self._sources.data(version_id),
        )
        return self._rulepacks.decide(groups, by=by, to=about or f"version:{version_id}")

    def _use(self, agreement: Agreement, person_ref: str, use: UseAsked) -> dict[str, inputs.Group]:
        facts = self._sources.gate(
            GateQuestion(
                provider=agreement.assigner,
                recipient=agreement.assignee,
                dataset_id=agreement.dataset_id,
                purposes=(inputs.purpose_code(use.purpose),),
                person_ref=person_ref,
            )
        )
        use_of = inputs.use_group(use, person_ref, agreement.policy)
        groups = self._groups(facts, agreement.version_id, use, use_of)
        groups["contract"] = inputs.contract_group(agreement, self._settings, self._clock.now())
        groups["env"]["purged"] = self._sources.purged(agreement.id)
        return groups

    def _groups(
        self, facts: GateFacts, version_id: str, use: UseAsked, use_of: inputs.Group
    ) -> dict[str, inputs.Group]:
        source, viewer = self._seat(facts.question.provider), self._seat(facts.question.recipient)
        known: Inputs = {
            "flow": inputs.flow_group(source, viewer, use),
            "dataset": {"origin": source.jurisdiction},
            "provider": {"seat": source.value},
            "recipient": {"seat": viewer.value},
            "use": use_of,
            "connector": {"mutual_auth": use.peer_authenticated},
            "evidence": inputs.evidence_group(self._sources.evidence(), self._settings),
            "env": {
                "integrity_ok": self._sources.env_intact(),
                "kind": self._settings.env_kind,
                "purged": False,
            },
        }
        told = inputs.with_codes(facts.rule_inputs)
        return inputs.merged(known, told, self._sources.data(version_id))

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
