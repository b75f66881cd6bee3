"""Set up studies, keep their sites informed, and record what approves them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from tidegate.access.model import Actor, Role, node_actor, person_ref
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids
from tidegate.partners.errors import NotPartyError, ProjectInvalidError, ProjectNotFoundError
from tidegate.partners.model import (
    ConsentFacts,
    EthicsApproval,
    LegalBasis,
    Project,
    ProjectState,
)
from tidegate.partners.project import rules, store
from tidegate.partners.reading import may_read
from tidegate.partners.records import ChangedMeanwhileError, from_plain, to_plain
from tidegate.partners.space import store as space_store


class ProjectService:
    """Studies run from this institution, and those of others it is a site of."""

    def __init__(self, journal: Journal, clock: Clock, ids: Ids, self_did: str) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did

    def get_project(self, project_id: str) -> Project:
        """Return the study with its papers; raise ProjectNotFoundError."""
        return self.journal.read(store.get_project, project_id)

    def find_project(self, project_id: str) -> Project | None:
        """Return the study with its papers, or None."""
        return self.journal.read(store.find_project, project_id)

    def list_projects(self) -> tuple[Project, ...]:
        """Return every study known here, oldest first."""
        return self.journal.read(store.list_projects)

    def list_projects_for(self, by: Actor) -> tuple[Project, ...]:
        """Return the studies a person may read: their own, or all where it is their office."""
        return tuple(one for one in self.list_projects() if may_read(by, self._ref(by), one.people))

    def get_project_for(self, project_id: str, *, by: Actor) -> Project:
        """Return a study the person may read; any other is unknown to them."""
        project = self.get_project(project_id)
        if not may_read(by, self._ref(by), project.people):
            raise ProjectNotFoundError("No study has that id.", project=project_id)
        return project

    # The lead

    def create(
        self,
        title: str,
        purpose: str,
        data_management_plan: str,
        *,
        by: Actor,
        people: tuple[str, ...] = (),
        dataset_ids: tuple[str, ...] = (),
        sites: tuple[str, ...] = (),
    ) -> Project:
        """Set up a study led by the researcher who asks; its other sites learn of it.

        `sites` are the institutions where it needs an ethics approval; this one always is.
        """
        check_has_role(by, Role.RESEARCHER)
        project = rules.normal_project(
            Project(
                id=self.ids.new("prj"),
                title=title.strip(),
                purpose=purpose,
                lead=self._ref(by),
                people=people,
                dataset_ids=dataset_ids,
                home=self.self_did,
                data_management_plan=data_management_plan,
                sites=sites,
                created_at=iso(self.clock.now()),
            )
        )
        self._check_sites(project)
        why: dict[str, Json] = {"purpose": project.purpose, "people": len(project.people)}
        with self.journal.write(
            by=by.id, did="project.created", to=f"project:{project.id}", why=why
        ) as tx:
            self._save_and_share(tx, project, None)
        return project

    def change(
        self,
        project_id: str,
        *,
        by: Actor,
        people: tuple[str, ...] | None = None,
        dataset_ids: tuple[str, ...] | None = None,
        sites: tuple[str, ...] | None = None,
    ) -> Project:
        """Replace the people, datasets or sites of a study; what is None stays."""
        project = self._own_live(project_id, by)
        changed = rules.normal_project(
            replace(
                project,
                people=project.people if people is None else people,
                dataset_ids=project.dataset_ids if dataset_ids is None else dataset_ids,
                sites=project.sites if sites is None else sites,
                revision=project.revision + 1,
            )
        )
        self._check_sites(changed)
        why = {"revision": changed.revision, "people": len(changed.people)}
        with self.journal.write(
            by=by.id, did="project.changed", to=f"project:{project_id}", why=why
        ) as tx:
            self._save_and_share(tx, changed, project)
            tx.announce("project.changed", project=project_id)
        return changed

    def close(self, project_id: str, reason: str, *, by: Actor) -> Project:
        """End a study: from now on nobody gets data for it."""
        project = self._own_live(project_id, by)
        move = rules.PROJECT.step(project.state, "close", by="lead")
        closed = replace(project, state=move.target, revision=project.revision + 1)
        with self.journal.write(
            by=by.id, did="project.closed", to=f"project:{project_id}", why={"reason": reason}
        ) as tx:
            self._save_and_share(tx, closed, project)
            tx.announce("project.closed", project=project_id)
        return closed

    # The sites

    def record_ethics(
        self,
        project_id: str,
        reference: str,
        *,
        covers_datasets: tuple[str, ...],
        covers_cross_border: bool,
        expires: str,
        by: Actor,
    ) -> EthicsApproval:
        """Record the approval of this site's ethics committee; the other sites learn of it."""
        project = self.get_project(project_id)
        rules.check_may_approve(by, self._ref(by), project)
        rules.check_is_live(project)
        approval = EthicsApproval(
            id=self.ids.new("eth"),
            project_id=project_id,
            site=self.self_did,
            reference=reference.strip(),
            covers_datasets=covers_datasets,
            covers_cross_border=covers_cross_border,
            expires_at=iso(parse_iso(expires)),
            recorded_at=iso(self.clock.now()),
            recorded_by=by.id,
        )
        rules.check_approval(approval)
        why = {
            "approval": approval.id,
            "reference": approval.reference,
            "until": approval.expires_at,
        }
        with self.journal.write(
            by=by.id, did="ethics.recorded", to=f"project:{project_id}", why=why
        ) as tx:
            store.add_ethics(tx.connection, approval)
            self._tell_sites(tx, project, "project.ethics", to_plain(approval))
        return approval

    def record_legal_basis(
        self,
        project_id: str,
        dataset_id: str,
        basis: str,
        *,
        by: Actor,
        consent: ConsentFacts | None = None,
        security_committee: bool | None = None,
    ) -> LegalBasis:
        """Record on what ground this exporter lets a study use a dataset; the latest counts."""
        check_has_role(by, Role.LEGAL)
        project = self.get_project(project_id)
        rules.check_is_live(project)
        if basis not in rules.BASES:
            known = ", ".join(sorted(rules.BASES))
            raise ProjectInvalidError(f"A legal basis is one of {known}.", code="basis_unknown")
        recorded = LegalBasis(
            id=self.ids.new("lgb"),
            project_id=project_id,
            dataset_id=dataset_id,
            basis=basis,
            consent=consent,
            security_committee=security_committee,
            recorded_at=iso(self.clock.now()),
            recorded_by=by.id,
        )
        why = {"legal_basis": recorded.id, "basis": basis, "dataset": dataset_id}
        with self.journal.write(
            by=by.id, did="legal_basis.recorded", to=f"project:{project_id}", why=why
        ) as tx:
            store.add_legal_basis(tx.connection, recorded)
        return recorded

    # What other nodes say

    def receive_project(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in a study from the institution it is run from; older revisions are passed by."""
        project = from_plain(body, Project)
        self.check_snapshot(sender, project)
        if _is_overtaken(project, self.find_project(project.id)):
            return  # delivered before, or overtaken by a newer one
        with (
            suppress(ChangedMeanwhileError),
            self.journal.write(
                by=node_actor(sender).id,
                did="project.received",
                to=f"project:{project.id}",
                why={"revision": project.revision, "home": sender},
            ) as tx,
        ):
            if _is_overtaken(project, store.find_project(tx.connection, project.id)):
                raise ChangedMeanwhileError("A newer revision came at the same moment.")
            store.put_project(tx.connection, project)
            if project.state is ProjectState.CLOSED:
                tx.announce("project.closed", project=project.id)
            else:
                tx.announce("project.changed", project=project.id)

    def receive_ethics(self, sender: str, body: Mapping[str, Any]) -> None:
        """Take in the approval of another site's ethics committee."""
        approval = from_plain(body, EthicsApproval)
        if approval.site != sender:
            raise NotPartyError("A site reports the approval of its own committee only.")
        rules.check_approval(approval)
        if self.journal.read(store.find_ethics, approval.id) is not None:
            return  # delivered before
        with self.journal.write(
            by=node_actor(sender).id,
            did="ethics.received",
            to=f"project:{approval.project_id}",
            why={"approval": approval.id, "site": sender, "until": approval.expires_at},
        ) as tx:
            store.add_ethics(tx.connection, approval)

    def check_snapshot(self, sender: str, project: Project) -> None:
        """Raise unless the sender may describe this study, and it does not take over another's."""
        known = self.find_project(project.id)
        if project.home != sender or (known is not None and known.home != sender):
            raise NotPartyError("A study is described by the institution it is run from.")
        bare = replace(project, ethics=(), legal_basis=())
        if rules.normal_project(bare) != bare:
            raise ProjectInvalidError("The description of the study is not in normal form.")

    # What the above share

    def _own_live(self, project_id: str, by: Actor) -> Project:
        project = self.get_project(project_id)
        rules.check_is_lead(self._ref(by), project)
        rules.check_is_live(project)
        return project

    def _check_sites(self, project: Project) -> None:
        for site in project.sites:
            if site != self.self_did and not self.journal.read(space_store.is_active, site):
                raise ProjectInvalidError(
                    "A site of a study must be an active member of the space.", site=site
                )

    def _save_and_share(self, tx: Tx, project: Project, before: Project | None) -> None:
        current = store.find_project(tx.connection, project.id)
        if (current and current.revision) != (before and before.revision):
            raise ChangedMeanwhileError("The study was changed at the same moment; look again.")
        store.put_project(tx.connection, project)
        shared = replace(project, ethics=(), legal_basis=())
        self._tell_sites(tx, shared, "project.shared", to_plain(shared))

    def _tell_sites(self, tx: Tx, project: Project, kind: str, body: Mapping[str, Any]) -> None:
        for site in dict.fromkeys((project.home, *project.sites)):
            if site != self.self_did:
                tx.send(to=site, kind=kind, body=body)

    def _ref(self, actor: Actor) -> str:
        return person_ref(self.self_did, actor.person_id)


def _is_overtaken(project: Project, known: Project | None) -> bool:
    return known is not None and known.revision >= project.revision
