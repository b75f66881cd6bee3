"""A commons on real ground: vault, catalogue, services and the people who act."""

from dataclasses import dataclass
from pathlib import Path

from tidegate.access.model import Actor, Participant, Role, Seat
from tidegate.catalogue.model import Classification
from tidegate.catalogue.service import CatalogueService
from tidegate.commons.acquisition.service import AcquisitionService
from tidegate.commons.acquisition.sources import FileSource
from tidegate.commons.classification.service import ClassificationService
from tidegate.commons.deidentification.service import DeidentificationService
from tidegate.commons.destruction.asking import Questions
from tidegate.commons.destruction.service import DestructionService
from tidegate.commons.holdings.service import HoldingsService
from tidegate.commons.vault.service import Vault
from tidegate.deid.service import DeidService
from tidegate.kernel.errors import WithheldError

STEWARD = Actor("person:per_ada", "Ada Steward", frozenset({Role.STEWARD}))
COMMITTEE = Actor("person:per_bo", "Bo Committee", frozenset({Role.COMMITTEE}))
RESEARCHER = Actor("person:per_cy", "Cy Researcher", frozenset({Role.RESEARCHER}))
GENERAL = Classification(
    cn_class="general",
    level=3,
    personal=True,
    sensitive=True,
    basis="consent",
    important_status="checked_not_notified",
)


class Ended(set):
    """The agreements that have ended."""

    def check(self, tx, agreement):
        if agreement in self:
            raise WithheldError("The agreement has ended.", code="agreement_ended")


@dataclass
class Commons:
    ground: object
    vault: Vault
    catalogue: CatalogueService
    acquisition: AcquisitionService
    classification: ClassificationService
    deidentification: DeidentificationService
    holdings: HoldingsService
    destruction: DestructionService
    ended: Ended

    def write(self, name: str, text: str | bytes) -> FileSource:
        path = self.ground.home / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return FileSource(path)

    def acquire(self, *sources: FileSource, roles=(), by=STEWARD, **document):
        descriptor = self.acquisition.read_descriptor(document, title="Liver cohort", roles=roles)
        return self.acquisition.acquire(sources, descriptor, by=by)

    def acquire_people(self, count: int = 200):
        people = self.write("people.csv", people_csv(count))
        visits = self.write("visits.csv", visits_csv(count))
        return self.acquire(people, visits)

    def classified(self, count: int = 200) -> str:
        version = self.acquire_people(count).version
        self.classification.propose(version, GENERAL, by=STEWARD)
        self.approve_classification(version)
        return version

    def approve_classification(self, version: str, by=COMMITTEE):
        read = self.classification.find(version)
        return self.classification.approve(version, read.proposal, by=by)

    def deidentified(self, count: int = 200) -> str:
        version = self.classified(count)
        recipe = self.deidentification.default_recipe(version)
        self.deidentification.deidentify(version, recipe, "prj_liver", by=STEWARD)
        return version

    def sign(self, version: str, by=COMMITTEE):
        read = self.deidentification.find_report(version)
        return self.deidentification.sign_risk_report(version, read.id, by=by)

    def stored(self, count: int = 200) -> str:
        version = self.deidentified(count)
        self.sign(version)
        self.holdings.store(version, by=STEWARD)
        return version

    def events(self) -> list[str]:
        from sqlalchemy import select

        from tidegate.db.tables.audit import audit_leaf

        with self.ground.database.reading() as conn:
            return [
                row.event
                for row in conn.execute(select(audit_leaf).order_by(audit_leaf.c.position))
            ]

    def raw_bytes(self) -> bytes:
        """Everything on the disk of this node, database and vault."""
        found = [p for p in Path(self.ground.home).rglob("*") if p.is_file()]
        return b"".join(p.read_bytes() for p in found if p.suffix not in {".csv", ".gz"})


def make_commons(ground, resolve_key=None) -> Commons:
    journal, clock, ids, keys = ground.journal, ground.clock, ground.ids, ground.keys
    participant = Participant(ground.did, "Nansha Hospital", Seat.CN_GBA9)
    vault, deid, ended = Vault(ground.home / "vault", keys), DeidService(keys), Ended()
    catalogue = CatalogueService(
        journal,
        clock,
        ids,
        check_offerable=lambda policy: None,
        search_folder=ground.home / "search",
    )
    deidentification = DeidentificationService(
        journal, clock, ids, vault=vault, deid=deid, catalogue=catalogue
    )
    return Commons(
        ground=ground,
        vault=vault,
        catalogue=catalogue,
        acquisition=AcquisitionService(
            journal,
            clock,
            ids,
            vault=vault,
            deid=deid,
            catalogue=catalogue,
            participant=participant,
        ),
        classification=ClassificationService(journal, clock, catalogue=catalogue),
        deidentification=deidentification,
        holdings=HoldingsService(
            journal, clock, vault=vault, catalogue=catalogue, deidentification=deidentification
        ),
        destruction=DestructionService(
            journal,
            clock,
            ids,
            keys,
            vault=vault,
            catalogue=catalogue,
            participant=participant,
            asks=Questions(
                resolve_key or (lambda did, kid: keys.identity_public_jwk()), ended.check
            ),
        ),
        ended=ended,
    )


def people_csv(count: int) -> str:
    """People with names and valid identity numbers, made up, one row each."""
    lines = ["person_id,name,hkid,age,sex,bmi,seen"]
    for n in range(count):
        hkid = hk_id("A", 100000 + n * 37)
        day = f"2020-{n % 12 + 1:02d}-{n % 28 + 1:02d}"
        lines.append(
            f"P{n:05d},Chan Tai Man {n},{hkid},{20 + n % 60},{'FM'[n % 2]},{20 + n % 15}.5,{day}"
        )
    return "\n".join(lines) + "\n"


def visits_csv(count: int) -> str:
    lines = ["person_id,day,test,value,note"]
    for n in range(count):
        for visit in range(3):
            note = f"call 9123 45{n % 100:02d}" if visit == 0 else "well"
            lines.append(f"P{n:05d},2021-03-{visit + 1:02d},alt,{30 + n % 40},{note}")
    return "\n".join(lines) + "\n"


def hk_id(letter: str, digits: int) -> str:
    number = f"{digits:06d}"
    values = [36, ord(letter) - 55, *(int(c) for c in number)]
    total = sum(v * w for v, w in zip(values, range(9, 1, -1), strict=True))
    check = -total % 11
    return f"{letter}{number}({'A' if check == 10 else check})"
