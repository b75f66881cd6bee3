"""The catalogue cells: each side reads what the other offers."""

from tidegate_interop.management import datasets_of, offers_of
from tidegate_interop.matrix import OURS, THEIRS, World, cell, expect
from tidegate_interop.policies import FREE, UNKNOWN

AREA = "catalogue"


@cell(AREA, OURS, "all datasets, with their offers and formats")
def read_ours(world: World) -> str:
    """EDC's own query specification is understood, and our documents are its JSON-LD."""
    found = world.management.catalog(world.node.dsp, world.node.did)
    expect({"open", "research"} <= set(datasets_of(found)), True, "datasets")  # noqa: FBT003
    (offer,) = offers_of(found, "research")
    return f"{len(datasets_of(found))} datasets, {len(offer['permission'][0]['constraint'])} terms"


@cell(AREA, OURS, "one dataset by a criterion on its id")
def filter_ours(world: World) -> str:
    """A filter expression narrows."""
    found = world.management.catalog(world.node.dsp, world.node.did, dataset="open")
    expect(datasets_of(found), ["open"], "datasets")
    return "1 dataset"


@cell(AREA, OURS, "pages by offset and limit")
def page_ours(world: World) -> str:
    """Two pages hold different datasets."""
    pages = [
        datasets_of(world.management.catalog(world.node.dsp, world.node.did, offset=at, limit=1))
        for at in (0, 1)
    ]
    expect(([len(page) for page in pages], pages[0] != pages[1]), ([1, 1], True), "pages")
    return f"{pages[0][0]}, {pages[1][0]}"


@cell(AREA, OURS, "one dataset by itself")
def dataset_of_ours(world: World) -> str:
    """GET of a dataset."""
    found = world.management.dataset(world.node.dsp, world.node.did, "research")
    expect(found["@id"], "research", "dataset")
    return f"{len(found['distribution'])} distributions"


@cell(AREA, THEIRS, "all datasets, with their offers and titles")
def harvest_theirs(world: World) -> str:
    """Both ids of a dataset, a second context and a service per distribution are understood."""
    name = world.name("asset")
    world.management.offer(name, f"{world.data.url}/data/{name}", FREE, name="Liver cohort")
    report = world.node.harvest(world.edc.name)
    expect((report["state"], report["unreadable"]), ("good", 0), f"harvest {report['reason']}")
    with world.node.client() as client:
        hits = client.catalogue.search("liver cohort").hits
    expect(name in {hit.listing.id for hit in hits}, True, "found by its EDC name")  # noqa: FBT003
    return f"{report['datasets']} datasets"


@cell(AREA, THEIRS, "an offer with an unknown constraint is counted, not taken")
def harvest_unknown(world: World) -> str:
    """What cannot be kept cannot be asked for."""
    name = world.name("unknown")
    world.management.offer(name, f"{world.data.url}/data/{name}", UNKNOWN)
    report = world.node.harvest(world.edc.name)
    world.management.withdraw(name)
    expect((report["state"], report["unreadable"]), ("good", 1), "harvest")
    return "1 offer unreadable"
