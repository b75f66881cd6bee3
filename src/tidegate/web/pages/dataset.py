"""A dataset: what it is, under which policy, how good, and its whole life with the evidence."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from starlette.responses import Response

from tidegate.access.model import Actor, Role, person_ref
from tidegate.access.rules import has_role
from tidegate.audit.model import LeafView
from tidegate.catalogue.model import HarvestedRecord, Listing, VersionRecord, Visibility
from tidegate.commons.custody.model import Act
from tidegate.commons.runs.model import RunState, RunView
from tidegate.kernel.errors import InvalidError, NotFoundError, TidegateError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Agreement, Policy
from tidegate.policy.service import Sentence, sentences
from tidegate.web import custody
from tidegate.web.custody import Refused, care_of
from tidegate.web.kit import Ask, json_ld, making, page, status_of
from tidegate.web.names import asked_listing, names_of
from tidegate.web.pages.searching import purpose_name
from tidegate.web.steps import steps_of

MAIN_LINE = ("acquired", "classified", "deidentified", "stored", "archived", "destroyed")
ASIDE = ("restricted", "quarantined", "suspended")
_SOUNDLESS = ("version.opened",)


@dataclass(frozen=True, slots=True)
class OfferView:
    """An offer in words: its id, its formats, and what each term says."""

    id: str
    formats: tuple[str, ...]
    terms: tuple[Sentence, ...]
    published_at: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Waypoint:
    """One stage on the way of a version's life."""

    stage: str
    is_done: bool
    is_here: bool


def show_datasets(ask: Ask) -> Response:
    """List what this node keeps, with the stage of each newest version."""
    catalogue = ask.house.catalogue
    rows = [
        (dataset, versions[-1] if versions else None, catalogue.list_offers(dataset_id=dataset.id))
        for dataset in catalogue.list_datasets_for(ask.actor)
        for versions in (catalogue.list_versions_for(dataset.id, by=ask.actor),)
    ]
    return ask.page("datasets.html", rows=rows)


def show_dataset(ask: Ask) -> Response:
    """Show one dataset of the space, of this node or of a peer."""
    return _show(ask, asked_listing(ask), ask.query.get("version", ""))


def attempt(ask: Ask, act: Act, do: Callable[[VersionRecord], object], *, said: str) -> Response:
    """Do what a form of a version asks for; show its page again with what was refused, and why."""
    version = ask.house.catalogue.get_version_for(ask.path["version_id"], by=ask.actor)
    try:
        do(version)
    except TidegateError as problem:
        listing = ask.house.catalogue.get_listing(version.dataset_id, by=ask.actor)
        return _show(ask, listing, version.id, Refused(act, problem))
    return ask.go(f"/datasets/{version.dataset_id}?version={version.id}", said=said)


def _show(ask: Ask, listing: Listing, version_id: str, refused: Refused | None = None) -> Response:
    shown: dict[str, Any] = {
        "listing": listing,
        "people": names_of(ask),
        "purpose_name": lambda code: purpose_name(ask, code),
        "may_apply": listing.visibility is Visibility.OFFERED
        and has_role(ask.actor, Role.RESEARCHER),
        "agreements": _agreements(ask, listing),
        "is_keeper": has_role(ask.actor, Role.STEWARD),
        "refused": refused,
        "status": status_of(refused.problem) if refused else 200,
    }
    if listing.is_own:
        return _show_own(ask, listing, version_id, shown)
    record = ask.house.catalogue.find_harvested(listing.id, listing.publisher.did)
    return ask.page("dataset.html", **shown, **_peer_view(record), steps=_life(ask, listing))


def _agreements(ask: Ask, listing: Listing) -> tuple[Agreement, ...]:
    """Return the agreements about this publisher's dataset, not about another's of the same id."""
    found = ask.house.policy.list_agreements(dataset_id=listing.id)
    return tuple(one for one in found if one.assigner == listing.publisher.did)


def _show_own(ask: Ask, listing: Listing, version_id: str, shown: dict[str, Any]) -> Response:
    catalogue, dataset_id = ask.house.catalogue, listing.id
    versions = catalogue.list_versions_for(dataset_id, by=ask.actor)
    version = _chosen(versions, version_id)
    offers = tuple(
        OfferView(one.id, one.formats, _words(one.policy), one.published_at, is_own=True)
        for one in catalogue.list_offers(dataset_id=dataset_id)
        if version is None or one.version_id == version.id
    )
    stones = {stone.version_id: stone for stone in catalogue.list_tombstones(dataset_id)}
    return ask.page(
        "dataset.html",
        **shown,
        dataset=catalogue.get_dataset(dataset_id),
        versions=versions,
        version=version,
        stone=stones.get(version.id) if version else None,
        waypoints=waypoints(version.stage) if version else (),
        offers=offers,
        harvested=None,
        run=_run(ask, version),
        care=care_of(ask, version),
        choices=custody,
        **_lost(ask, version),
        steps=_life(ask, listing, version),
    )


def _run(ask: Ask, version: VersionRecord | None) -> RunView | None:
    """Return the de-identification that runs for a version, for those who may look at it."""
    if version is None or not has_role(ask.actor, Role.STEWARD):
        return None
    view = ask.house.runs.find_latest(version.id)
    return view if view and view.run.state in {RunState.WAITING, RunState.REFUSED} else None


def _lost(ask: Ask, version: VersionRecord | None) -> dict[str, Any]:
    """Say what de-identification took from a version: nothing to say before it."""
    kept = {one.version_id: one for one in ask.house.holdings.list_holdings()}
    holding = kept.get(version.id) if version else None
    report = holding.report if holding else None
    if holding is None or report is None or not report.generalised:
        return {"lost": None}
    return {
        "lost": report,
        "lost_kept": f"{1 - float(report.loss or 1):.0%}",
        "lost_columns": [
            (one.column.partition(".")[2], _per_mille(one.loss), _per_mille(one.exact))
            for one in report.generalised
        ],
        "lost_paper": holding.paper is not None,
    }


def _per_mille(share: str) -> int:
    return round(Fraction(share or 0) * 1000)


def _peer_view(record: HarvestedRecord | None) -> dict[str, Any]:
    offers = record.dataset.offers if record else ()
    return {
        "dataset": None,
        "versions": (),
        "version": None,
        "stone": None,
        "care": None,
        "lost": None,
        "waypoints": (),
        "offers": tuple(
            OfferView(one.id, one.formats, _words(one.policy), "", is_own=False) for one in offers
        ),
        "harvested": record,
    }


def _words(policy: Policy) -> tuple[Sentence, ...]:
    return sentences(policy)


def _chosen(versions: tuple[VersionRecord, ...], wanted: str) -> VersionRecord | None:
    named = next((version for version in versions if version.id == wanted), None)
    return named or (versions[-1] if versions else None)


def waypoints(stage: str) -> tuple[Waypoint, ...]:
    """Lay out the main line of a life, with a side stage at its end if the version is there."""
    line: tuple[str, ...] = MAIN_LINE
    if stage in ASIDE:
        line = (*MAIN_LINE[:4], stage)
    elif stage == "destroyed":
        line = tuple(one for one in MAIN_LINE if one != "archived")
    here = line.index(stage) if stage in line else -1
    return tuple(
        Waypoint(one, is_done=place < here, is_here=place == here) for place, one in enumerate(line)
    )


def _life(ask: Ask, listing: Listing, version: VersionRecord | None = None) -> tuple[object, ...]:
    """Join the chains of our dataset, its version, and the agreements about it."""
    subjects = [f"dataset:{listing.id}"] if listing.is_own else []
    subjects += [f"version:{version.id}"] if version else []
    subjects += [f"agreement:{agreement.id}" for agreement in _agreements(ask, listing)]
    leaves = ask.house.evidence.timeline(*subjects)
    return steps_of(_once(leaves))


def _once(leaves: tuple[LeafView, ...]) -> list[LeafView]:
    """Leave out the second leaf of one act on a dataset and on its version, and mere reads."""
    kept: list[LeafView] = []
    seen: set[tuple[str, str]] = set()
    for leaf in reversed(leaves):
        act = (leaf.entry.at, leaf.entry.did)
        if act not in seen and leaf.entry.did not in _SOUNDLESS:
            seen.add(act)
            kept.append(leaf)
    return kept[::-1]


def show_apply(ask: Ask) -> Response:
    """Show the form to apply for access."""
    listing = asked_listing(ask)
    mine = my_ref(ask, ask.actor)
    projects = [
        project
        for project in ask.house.projects.list_projects()
        if mine == project.lead or mine in project.people
    ]
    return ask.page(
        "apply.html",
        listing=listing,
        projects=projects,
        mine=mine,
        people=names_of(ask),
        purpose_name=lambda code: purpose_name(ask, code),
    )


def my_ref(ask: Ask, actor: Actor) -> str:
    """Name a person of this node so that other nodes understand it."""
    return person_ref(ask.web.settings.node_did, actor.person_id)


def apply(ask: Ask) -> Response:
    """Send an application."""
    listing = asked_listing(ask)
    project = ask.house.projects.get_project(ask.form.required("project"))
    people = ask.form.every("people") or (my_ref(ask, ask.actor),)
    known = {project.lead, *project.people}
    if not known.issuperset(people):
        raise InvalidError("Only people of the project can be named.", code="person_not_in_project")
    application = ask.house.applications.submit(
        project.id,
        listing.id,
        listing.publisher.did,
        people=people,
        purposes=(project.purpose,),
        months=ask.form.whole("months", 12),
        variables=ask.form.lines("variables"),
        by=ask.actor,
    )
    return ask.go(f"/applications/{application.id}", said="application_sent")


def withdraw_offer(ask: Ask) -> Response:
    """Take an offer back."""
    offer = ask.house.catalogue.withdraw_offer(ask.path["offer_id"], by=ask.actor)
    return ask.go(f"/datasets/{offer.dataset_id}", said="offer_withdrawn")


def show_dcat(ask: Ask) -> Response:
    """Give the DCAT JSON-LD of a dataset of this node."""
    listing = asked_listing(ask)
    if not listing.is_own:
        raise NotFoundError("Its own institution describes it.", code="dataset_unknown")
    return json_ld(ask.house.catalogue.dcat(listing.id, by=ask.actor))


PAGES = (
    page("/datasets", show_datasets),
    page("/datasets/{dataset_id}", show_dataset),
    page("/datasets/{dataset_id}/dcat.jsonld", show_dcat),
    page("/datasets/{dataset_id}/apply", show_apply),
    making("/datasets/{dataset_id}/apply", apply),
    making("/offers/{offer_id}/withdraw", withdraw_offer),
)
