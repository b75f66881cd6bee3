"""De-identify tables under a recipe and have what came out verified; keep nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from typing import Any

from tidegate.catalogue.model import Codebook
from tidegate.deid import gate, identifiers, paper, people, recipes, risk
from tidegate.deid.identifiers import Finding
from tidegate.deid.model import (
    Batches,
    BatchSink,
    People,
    Progress,
    Recipe,
    Recount,
    RiskReport,
    RunResult,
    TableCount,
    TablePlan,
    part,
    silently,
)
from tidegate.deid.previews import service as previews
from tidegate.deid.previews.model import Preview, ProposedRecipe
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.deid.recipe.model import USUAL_K, Action
from tidegate.deid.releases import memory
from tidegate.deid.releases import service as releases
from tidegate.deid.releases.model import ReleaseVerdict
from tidegate.deid.transforms import TableTransform
from tidegate.kernel.canonical import canonical_json
from tidegate.keys.service import KeyRing

_CODED, _RECODED = 0.2, 0.6
"""Shares of a run's work: of recoding, after reading; of all, once recoded."""

OpenSink = Callable[[str, Any], AbstractContextManager[BatchSink]]


class DeidService:
    """The engine of de-identification, under keys derived for each project."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def suggest(self, name: str, sample: list[str]) -> Finding | None:
        """Suggest what a column holds from its name and a sample of its values."""
        return identifiers.suggest(name, sample)

    def kind_of(self, text: str) -> str:
        """Return the kind of direct identifier a whole text is, or an empty text."""
        return identifiers.kind_of(text)

    def default_recipe(self, codebook: Codebook, k: int = USUAL_K) -> Recipe:
        """Draw the usual recipe from a codebook's column roles."""
        return recipes.default_recipe(codebook, k)

    def read_recipe(self, document: Mapping[str, Any], codebook: Codebook) -> Recipe:
        """Read a written recipe for this codebook."""
        return recipes.read_recipe(document, codebook)

    def recipe_document(self, recipe: Recipe) -> dict[str, Any]:
        """Return the recipe as a document for canonical JSON."""
        return recipes.recipe_document(recipe)

    def propose(self, codebook: Codebook, sources: Mapping[str, Batches]) -> ProposedRecipe:
        """Return the usual recipe, and for each column why it has its role."""
        return previews.propose(recipes.default_recipe(codebook), codebook, sources)

    def preview(
        self,
        recipe: Recipe,
        codebook: Codebook,
        sources: Mapping[str, Batches],
        against: Recipe | None = None,
    ) -> Preview:
        """Say what a recipe would publish and lose, beside another or the usual one."""
        base = against or recipes.default_recipe(codebook)
        return previews.preview(recipe, base, codebook, sources)

    def run(
        self,
        recipe: Recipe,
        codebook: Codebook,
        project_id: str,
        sources: Mapping[str, Batches],
        open_sink: OpenSink,
        progress: Progress = silently,
    ) -> RunResult:
        """Write the de-identified form of every table; rows in = rows out + suppressed."""
        recipes.check_recipe(recipe, codebook)
        names = Pseudonymiser(self._keys.derive(f"pseudonym/{project_id}"))
        recoded = _recode(recipe, codebook, sources, part(progress, 0.0, _RECODED))
        writing = _Written(part(progress, _RECODED, 1.0), sum(one.rows for one in codebook.tables))
        left_out = _left_out(recoded)
        counts, columns, scrubbed = [], [], 0
        for table in codebook.tables:
            plan = recipe.find_table(table.name) or TablePlan(table.name, ())
            own = recoded if recoded and recoded.table == table.name else None
            transform = TableTransform(table, plan, names, own, left_out)
            with open_sink(table.name, transform.schema()) as sink:
                counts.append(_write(transform, sources[table.name], sink, writing))
            columns.append((table.name, transform.columns()))
            scrubbed += transform.scrubbed
        return RunResult(
            recipe_digest=recipes.recipe_digest(recipe),
            tables=tuple(counts),
            removed=_columns(recipe, Action.REMOVE, Action.EMPTY),
            pseudonymised=_columns(recipe, Action.PSEUDONYMISE),
            scrubbed=scrubbed,
            columns=tuple(columns),
            people=recoded,
        )

    def recount(self, recipe: Recipe, run: RunResult, written: Mapping[str, Batches]) -> Recount:
        """Have the written output verified; raise NotBorneOutError where it does not hold."""
        return gate.recount(recipe, run, written)

    def report(self, recipe: Recipe, run: RunResult, count: Recount, **about: str) -> RiskReport:
        """Write the risk report; `about`: id, version_id, project_id, author, created_at."""
        return risk.write_report(recipe, run, count, **about)

    def write_document(
        self,
        recipe: Recipe,
        run: RunResult,
        count: Recount,
        release: ReleaseVerdict | None,
        received_sha256: Mapping[str, str],
    ) -> bytes:
        """Return the report others can check (`tidegate-deid-report/1`); empty without people."""
        tool = f"tidegate {version('tidegate')}"
        written = paper.write_document(recipe, run, count, release, received_sha256, tool)
        return canonical_json(written) if written else b""

    def remember(self, run: RunResult, release: str, dataset: str) -> bytes:
        """Return what is kept of a release: keyed digests and classes; empty without persons."""
        people = run.people
        if people is None or not people.persons:
            return b""
        persons = [person or "" for person in people.persons]
        members = memory.remember(
            release, persons, people.recoding.classes.tolist(), self._membership_key(dataset)
        )
        return memory.write_membership(members)

    def check_releases(self, earlier: Sequence[bytes], new: bytes, k: int) -> ReleaseVerdict:
        """Check a release together with all earlier ones of its dataset.

        Raises ReleaseRefusedError with the least change that would mend it.
        """
        past = [memory.read_membership(content) for content in earlier]
        return releases.require(releases.check(past, memory.read_membership(new), k))

    def _membership_key(self, dataset: str) -> bytes:
        return self._keys.derive(f"membership/{dataset}")

    def renamer(self, purpose: str) -> Callable[[str], str]:
        """Return what gives people other names for a purpose: one name each, and no way back."""
        names = Pseudonymiser(self._keys.derive(f"pseudonym/{purpose}"))
        return names.pseudonym

    def accepts(self, report: RiskReport) -> bool:
        """Tell whether the report's greatest risk is within its threshold."""
        return risk.within_threshold(report)

    def parts_per_million(self, fraction: str) -> int:
        """Return a risk in whole parts per million, rounded up."""
        return risk.parts_per_million(fraction)


def _columns(recipe: Recipe, *actions: Action) -> tuple[str, ...]:
    return tuple(
        f"{plan.table}.{name}"
        for plan in recipe.tables
        for action in actions
        for name in plan.of_action(action)
    )


def _recode(
    recipe: Recipe, codebook: Codebook, sources: Mapping[str, Batches], progress: Progress
) -> People | None:
    """Recode the table with quasi-identifiers; None if there is none, or nobody in it."""
    of_people, plan = recipe.of_people(), recipe.people
    table = codebook.find_table(plan.table) if plan else None
    if of_people is None or table is None:
        return None
    progress(0.0, "read")
    coded = people.code(table, of_people, sources[table.name])
    return people.recode(coded, progress=part(progress, _CODED, 1.0)) if coded else None


def _left_out(recoded: People | None) -> frozenset[str]:
    if recoded is None or not recoded.persons:
        return frozenset()
    pairs = zip(recoded.persons, recoded.recoding.classes.tolist(), strict=True)
    return frozenset(person for person, number in pairs if number < 0 and person)


class _Written:
    """Tells how many of all rows are written, table after table."""

    def __init__(self, progress: Progress, rows: int) -> None:
        self._progress, self._rows, self._done = progress, max(rows, 1), 0

    def add(self, rows: int) -> None:
        self._done += rows
        self._progress(min(1.0, self._done / self._rows), "write")


def _write(
    transform: TableTransform, source: Batches, sink: BatchSink, writing: _Written
) -> TableCount:
    seen = out = 0
    for batch in source():
        written = transform.apply(batch)
        sink.write_batch(written)
        seen += batch.num_rows
        out += written.num_rows
        writing.add(batch.num_rows)
    return TableCount(transform.table.name, seen, out, seen - out)
