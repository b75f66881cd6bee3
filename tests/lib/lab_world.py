"""The lab of two nodes with simulators of the rooms around it."""

from dataclasses import dataclass, field, replace

from lib.ground import make_ground
from lib.lab_data import arrow, codebook_of, make_tables
from tidegate.access.model import Actor, Role, Seat
from tidegate.catalogue.model import VersionRecord
from tidegate.commons.vault.keyfiles import KeyFiles
from tidegate.connector.http.model import Answer
from tidegate.connector.transfer.model import Visit, VisitAddress
from tidegate.kernel.errors import TidegateError, WithheldError
from tidegate.kernel.text import Multilingual
from tidegate.lab.releases.service import ReleaseService
from tidegate.lab.requests.service import QueryService, Reach
from tidegate.lab.visits.admission import Admission
from tidegate.lab.visits.engine import Engine
from tidegate.lab.visits.publishing import Publishing, open_result
from tidegate.lab.visits.service import LabService
from tidegate.lab.visits.versions import OpenVersions
from tidegate.partners.model import GateFacts, GateQuestion
from tidegate.policy.model import (
    Agreement,
    AgreementState,
    Decision,
    Finding,
    Outcome,
    Policy,
    Rule,
)
from tidegate.policy.service import check_in_force

HOSPITAL, FACULTY = "did:web:localhost%3A7001", "did:web:localhost%3A7002"
RESEARCHER = Actor("person:per_r", "Researcher", frozenset({Role.RESEARCHER}))
CHECKER = Actor("person:per_c", "Checker", frozenset({Role.CHECKER}))
REF = f"{FACULTY}#per_r"
AGREEMENT = Agreement(
    id="urn:uuid:00000000-0000-4000-8000-000000000001",
    role="provider",
    dataset_id="ds_liver",
    version_id="ver_one",
    assigner=HOSPITAL,
    assignee=FACULTY,
    policy=Policy((Rule("use"),)),
    offer_id="offer_1",
    signed_at="2026-03-01T00:00:00.000Z",
)


@dataclass
class Agreements:
    """Agreements that can be ended, and a count of uses."""

    agreement: Agreement
    uses_left: int = 1000
    refuse: TidegateError | None = None

    def get_agreement(self, agreement_id):
        return self.agreement

    def check_use(self, agreement, facts):
        if self.refuse:
            raise self.refuse
        if self.agreement.state is not AgreementState.ACTIVE:
            raise WithheldError("The agreement is not active.", code="agreement_inactive")

    def check_still_in_force(self, tx, agreement_id):
        check_in_force(self.agreement)

    def count_use(self, tx, agreement_id):
        if not self.uses_left:
            raise WithheldError("All uses are spent.", code="uses_spent")
        self.uses_left -= 1


@dataclass
class Gate:
    """Lets everybody in unless told a reason."""

    refuse: TidegateError | None = None
    study: tuple = ()

    def check_within(self, tx, agreement, person_ref):
        if self.refuse:
            raise self.refuse

    def check(self, agreement, person_ref, *, now):
        if self.refuse:
            raise self.refuse
        question = GateQuestion(HOSPITAL, FACULTY, "ds_liver", ("DUO:0000042",), person_ref)
        return GateFacts(
            question, "", "pa_1", "pr_1", "DUO:0000042", "pm_1", (person_ref,), (), {}, self.study
        )


@dataclass
class Assessor:
    """Allows queries; releases need a checker when the border lies between."""

    cross_border: bool = True
    missing: str = ""
    asked: list = field(default_factory=list)
    meanwhile: object = lambda: None  # what happens elsewhere while a release is judged

    def assess_query(self, agreement, person_ref, gate, *, by, to="", way=None):
        self.asked.append(("query", to, way.columns))
        if self.missing:
            finding = Finding(
                "XB-19", Outcome.DEFAULT_DENY, Multilingual("Stays"), "NHC", self.missing
            )
            return Decision(Outcome.DEFAULT_DENY, (finding,), "p", "i", "dec_0")
        return Decision(Outcome.ALLOW, (), "p", "i", "dec_1")

    def assess_release(self, agreement, person_ref, gate, output, *, by, to=""):
        self.asked.append(("release", to, output))
        self.meanwhile()
        if self.cross_border and not output.checker_2:
            finding = Finding("PM-04", Outcome.NEEDS_APPROVAL, Multilingual("Second checker"), "")
            return Decision(Outcome.NEEDS_APPROVAL, (finding,), "p", "i", "dec_2")
        return Decision(Outcome.ALLOW, (), "p", "i", "dec_3")


@dataclass
class Holdings:
    """Tables by version, and how often they were opened."""

    tables: dict
    opened: int = 0

    def open_tables(self, version_id, *, by, why):
        self.opened += 1
        return arrow(self.tables[version_id])


@dataclass
class Versions:
    """Version records that can be moved through their stages."""

    records: dict

    def get_version(self, version_id):
        return self.records[version_id]

    def get_version_within(self, tx, version_id):
        return self.records[version_id]

    def move(self, version_id, stage):
        self.records[version_id] = replace(self.records[version_id], stage=stage)


@dataclass
class Transfers:
    """Tokens of visits: the token `<version>` opens that version for the researcher."""

    running: bool = True

    def is_running(self, tx, transfer_pid):
        return self.running

    def visit_for_token(self, token):
        ref, _, version = token.partition("@")
        return Visit("tp_1", AGREEMENT.id, "ds_liver", version, FACULTY, ref)


class Provider:
    """The lab at the hospital."""

    def __init__(self, home, tables=None, **engine):
        self.ground = make_ground(home, HOSPITAL)
        self.tables = tables or {"ver_one": make_tables(people=400)}
        self.holdings = Holdings(self.tables)
        self.versions = Versions(
            {
                name: VersionRecord(name, "ds_liver", 1, "stored", "", codebook=codebook_of(one))
                for name, one in self.tables.items()
            }
        )
        self.transfers = Transfers()
        self.agreements, self.gate, self.assessor = Agreements(AGREEMENT), Gate(), Assessor()
        self.shelf = KeyFiles(home / "vault", b"r" * 32)
        ground = self.ground
        admission = Admission(
            self.agreements, self.gate, self.assessor, lambda _did: Seat.HK, ground.clock
        )
        self.engine = Engine(**engine)
        self.open = OpenVersions(
            ground.journal, ground.keys, self.shelf, self.versions, self.holdings, self.engine
        )
        publishing = Publishing(ground.journal, ground.clock, admission, self.open)
        self.lab = LabService(
            ground.journal,
            ground.clock,
            ground.ids,
            transfers=self.transfers,
            admission=admission,
            versions=self.open,
            publishing=publishing,
        )
        self.releases = ReleaseService(ground.journal, publishing, self.open, self_did=HOSPITAL)
        self.requests = 0

    def ask(self, query, *, ref=REF, version="ver_one", request=""):
        """Ask a query as a visitor; return the answer."""
        from tidegate.lab.query.wire import write_query

        self.requests += 1
        document = {"id": request or f"ask_{self.requests}", "query": write_query(query)}
        return self.lab.submit(f"{ref}@{version}", "tp_1", document)

    def released(self):
        """Return the result that was released last."""
        run = next(one for one in self.lab.list_runs() if one.state == "released")
        return open_result(self.open.seal_of(run.version_id), run)

    def sent(self):
        """Return the messages that wait to be delivered, as (kind, body)."""
        return [
            (payload.get("kind"), payload)
            for name, payload in self.ground.tasks()
            if "kind" in payload
        ]


@dataclass
class Kept:
    id: str


@dataclass
class Keeper:
    """Keeps derived copies until they are destroyed."""

    kept: dict = field(default_factory=dict)

    def keep_derived(self, content, *, source, agreement_id, provider, kind, name, by):
        self.kept[f"der_{name}"] = b"".join(content)
        return Kept(f"der_{name}")

    def open_derived(self, derived_id, *, by):
        return self.kept[derived_id]


class Wire:
    """Carries a consumer's calls straight into a provider's lab."""

    def __init__(self, provider):
        self.provider = provider
        self.answer = None

    def open_visit(self, agreement_id, *, by):
        ref = f"{FACULTY}#{by.person_id}"
        return VisitAddress("http://localhost:7001/visit/tp_1", f"{ref}@ver_one")

    def post(self, url, body, *, authorization="", seconds=None):
        import msgspec

        if self.answer is not None:
            return self.answer
        token = authorization.removeprefix("Bearer ")
        try:
            if url.endswith("/withdraw"):
                told = self.provider.lab.withdraw(token, "tp_1", url.split("/")[-2])
            else:
                told = self.provider.lab.submit(token, "tp_1", body)
        except TidegateError as problem:
            return Answer(400, {}, {"code": problem.code, "message": problem.message})
        return Answer(201, {}, msgspec.to_builtins(told))


class Consumer:
    """My queries at the faculty."""

    def __init__(self, home, provider):
        self.ground = make_ground(home, FACULTY)
        self.wire, self.keeper = Wire(provider), Keeper()
        self.agreements = Agreements(replace(AGREEMENT, role="consumer"))
        self.queries = QueryService(
            self.ground.journal,
            self.ground.clock,
            self.ground.ids,
            agreements=self.agreements,
            reach=Reach(self.wire, self.wire, self.keeper),
        )
