"""Records the catalogue's tests are about."""

from tidegate.access.model import Actor, Participant, Role, Seat
from tidegate.catalogue.model import (
    Category,
    Codebook,
    Column,
    ColumnRole,
    DatasetRecord,
    HarvestedDataset,
    HarvestedOffer,
    Table,
    VersionRecord,
)
from tidegate.catalogue.service import CatalogueService
from tidegate.kernel.text import Multilingual
from tidegate.policy.model import Constraint, Operator, Policy, Rule
from tidegate.policy.soundness import check_enforceable

HOSPITAL = Participant("did:web:localhost%3A7003", "Nansha Hospital", Seat.CN_GBA9)
FACULTY = Participant("did:web:localhost%3A7002", "Faculty of Medicine, Hong Kong", Seat.HK)
STEWARD = Actor("person:per_steward", "Chan", frozenset({Role.STEWARD}))
RESEARCHER = Actor("person:per_researcher", "Wong", frozenset({Role.RESEARCHER}))
HMB = "http://purl.obolibrary.org/obo/DUO_0000006"
PURPOSE = "http://www.w3.org/ns/odrl/2/purpose"
LIVER = Multilingual("Fatty liver cohort", "脂肪肝隊列", "脂肪肝队列")


def make_policy(purpose=HMB):
    constraint = Constraint(PURPOSE, Operator.IS_ANY_OF, (purpose,))
    return Policy(permissions=(Rule("use", (constraint,)),))


def make_dataset(dataset_id="ds_liver", title=LIVER, **changes):
    values = {
        "description": Multilingual("People followed for metabolic disease."),
        "keywords": (Multilingual("NAFLD"),),
        "theme": "hepatology",
        "publisher": HOSPITAL,
        "created_at": "2026-03-02T08:00:00.000Z",
    }
    return DatasetRecord(id=dataset_id, title=title, **{**values, **changes})


def make_codebook():
    columns = (
        Column("hkid", "string", ColumnRole.DIRECT_IDENTIFIER, "hk_id"),
        Column("age", "integer", ColumnRole.QUASI_IDENTIFIER, unit="a", minimum="18", maximum="98"),
        Column("male", "boolean", categories=(Category("1", 8000), Category("0", 9549))),
    )
    return Codebook((Table("nafld1", 17549, columns, "id"),))


def make_version(version_id="ver_1", dataset_id="ds_liver", stage="stored", number=1):
    return VersionRecord(
        id=version_id,
        dataset_id=dataset_id,
        number=number,
        stage=stage,
        created_at="2026-03-02T08:00:00.000Z",
        codebook=make_codebook(),
        rows_received=17549,
        rows_accepted=17549,
    )


def make_harvested(dataset_id="ds_peer", title="Kidney registry", **changes):
    values = {
        "description": Multilingual("Dialysis patients."),
        "theme": "nephrology",
        "offers": (HarvestedOffer("offer_peer", make_policy(), ("Tidegate-Visit",)),),
    }
    return HarvestedDataset(id=dataset_id, title=Multilingual(title), **{**values, **changes})


def make_catalogue(ground):
    return CatalogueService(
        ground.journal,
        ground.clock,
        ground.ids,
        check_offerable=check_enforceable,
        search_folder=ground.home / "search",
    )


def enter(ground, catalogue, dataset=None, *versions):
    dataset = dataset or make_dataset()
    with ground.journal.write(
        by=STEWARD.id, did="dataset.described", to=f"dataset:{dataset.id}"
    ) as tx:
        catalogue.register_dataset(tx, dataset)
        for version in versions or (make_version(dataset_id=dataset.id),):
            catalogue.register_version(tx, version)


def offered(ground, catalogue, dataset=None, *versions):
    enter(ground, catalogue, dataset, *versions)
    version = (versions or (make_version(),))[-1]
    return catalogue.publish_offer(version.id, make_policy(), ("Tidegate-Visit",), by=STEWARD)


def harvest(ground, catalogue, *datasets, peer=FACULTY):
    with ground.journal.write(
        by="system:harvest", did="catalogue.harvested", to=f"node:{peer.did}"
    ) as tx:
        return catalogue.put_harvested(tx, peer, datasets)
