"""De-identify tables under a recipe and count again what came out; keep nothing."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from tidegate.catalogue.model import Codebook, Table
from tidegate.deid import identifiers, recipes, recount, risk
from tidegate.deid.anonymise import Answer, Search, encode
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.ladder import Ladder, Value, build_ladder
from tidegate.deid.model import (
    Action,
    Batches,
    BatchSink,
    ColumnRule,
    Finding,
    Generalised,
    Recipe,
    Recount,
    RiskReport,
    RunResult,
    TableCount,
)
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.deid.transforms import TableTransform
from tidegate.keys.service import KeyRing

OpenSink = Callable[[str, Any], AbstractContextManager[BatchSink]]


class DeidService:
    """The engine of de-identification, under keys derived for each project."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def suggest(self, name: str, sample: list[str]) -> Finding | None:
        """Suggest what a column holds from its name and a sample of its values."""
        return identifiers.suggest(name, sample)

    def default_recipe(self, codebook: Codebook, k: int = 10) -> Recipe:
        """Draw the usual recipe from a codebook's column roles."""
        return recipes.default_recipe(codebook, k)

    def read_recipe(self, document: Mapping[str, Any], codebook: Codebook) -> Recipe:
        """Read a written recipe for this codebook."""
        return recipes.read_recipe(document, codebook)

    def recipe_document(self, recipe: Recipe) -> dict[str, Any]:
        """Return the recipe as a document for canonical JSON."""
        return recipes.recipe_document(recipe)

    def run(
        self,
        recipe: Recipe,
        codebook: Codebook,
        project_id: str,
        sources: Mapping[str, Batches],
        open_sink: OpenSink,
    ) -> RunResult:
        """Write the de-identified form of every table; rows in = rows out + suppressed."""
        recipes.check_recipe(recipe, codebook)
        names = Pseudonymiser(self._keys.derive(f"pseudonym/{project_id}"))
        plan = _Plan(recipe, codebook, sources)
        counts, scrubbed = [], 0
        for table in codebook.tables:
            transform = TableTransform(
                table, recipe.for_table(table.name), names, plan.mappings(table), plan.left_out
            )
            skip = plan.skipped if table.name == recipe.quasi_table() else frozenset()
            with open_sink(table.name, transform.schema()) as sink:
                counts.append(_write(transform, sources[table.name], sink, skip))
            scrubbed += transform.scrubbed
        return RunResult(
            recipe_digest=recipes.recipe_digest(recipe),
            tables=tuple(counts),
            generalised=plan.generalised(),
            removed=_columns(recipe, Action.REMOVE),
            pseudonymised=_columns(recipe, Action.PSEUDONYMISE),
            scrubbed=scrubbed,
        )

    def recount(self, recipe: Recipe, run: RunResult, written: Mapping[str, Batches]) -> Recount:
        """Count the written output independently; raise RecountError where it does not hold."""
        count = recount.recount(written, recipe)
        recount.check_recount(count, recipe, run.tables)
        return count

    def report(self, recipe: Recipe, run: RunResult, count: Recount, **about: str) -> RiskReport:
        """Write the risk report; `about`: id, version_id, project_id, author, created_at."""
        return risk.write_report(recipe, run, count, **about)

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


def _columns(recipe: Recipe, action: Action) -> tuple[str, ...]:
    return tuple(f"{rule.table}.{rule.column}" for rule in recipe.rules if rule.action is action)


def _write(
    transform: TableTransform, source: Batches, sink: BatchSink, skip: frozenset[int]
) -> TableCount:
    seen = out = 0
    for batch in source():
        places = frozenset(n - seen for n in skip if seen <= n < seen + batch.num_rows)
        written = transform.apply(batch, places)
        sink.write_batch(written)
        seen += batch.num_rows
        out += written.num_rows
    return TableCount(transform.table.name, seen, out, seen - out)


class _Plan:
    """The levels of generalisation for the one table with quasi-identifiers, found once."""

    def __init__(self, recipe: Recipe, codebook: Codebook, sources: Mapping[str, Batches]) -> None:
        self.skipped: frozenset[int] = frozenset()
        self.left_out: frozenset[str] = frozenset()
        self._ladders: dict[str, Ladder] = {}
        self._levels: dict[str, int] = {}
        self._name = recipe.quasi_table()
        table = codebook.find_table(self._name)
        if table is not None:
            self._search(recipe, table, sources[self._name])

    def mappings(self, table: Table) -> dict[str, Mapping[Value, Value]]:
        """Return what each generalised column's values become."""
        if table.name != self._name:
            return {}
        return {n: self._ladders[n][level].mapping for n, level in self._levels.items()}

    def generalised(self) -> tuple[Generalised, ...]:
        """Say how coarse each quasi-identifier became."""
        return tuple(
            Generalised(f"{self._name}.{n}", level, self._ladders[n][level].description)
            for n, level in self._levels.items()
        )

    def _search(self, recipe: Recipe, table: Table, source: Batches) -> None:
        rules = [r for r in recipe.for_table(table.name) if r.action is Action.GENERALISE]
        values, persons = _gather(rules, table, source)
        rows = len(next(iter(values.values()), []))
        for rule in rules:
            column = table.find_column(rule.column)
            kind = column.type if column else "string"
            counts = Counter(values[rule.column])
            self._ladders[rule.column] = build_ladder(rule, kind, counts, recipe.k)
        encoded = tuple(encode(values[r.column], self._ladders[r.column]) for r in rules)
        answer = Answer(tuple(0 for _ in rules), frozenset())
        if rows:
            allowed = rows * recipe.suppressed_per_mille // 1000
            answer = Search(encoded, recipe.k, allowed).run()
        self._levels = {r.column: n for r, n in zip(rules, answer.levels, strict=True)}
        self.skipped = answer.suppressed
        self.left_out = frozenset(p for n in answer.suppressed if persons and (p := persons[n]))


def _gather(
    rules: list[ColumnRule], table: Table, source: Batches
) -> tuple[dict[str, list[Value]], list[Value]]:
    values: dict[str, list[Value]] = {rule.column: [] for rule in rules}
    persons: list[Value] = []
    for batch in source():
        for name, gathered in values.items():
            gathered.extend(batch.column(name).to_pylist())
        if table.person_key:
            persons.extend(batch.column(table.person_key).to_pylist())
    if len(set(persons)) != len(persons):
        raise RecipeInvalidError(
            f"{table.name} has several rows for one person (or rows without a key), so its classes"
            " would count rows, not people; keep quasi-identifiers in a table with one row each.",
            code="person_rows_repeat",
        )
    return values, persons
