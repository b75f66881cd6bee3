"""Run all attacks on a release, and the same on the exact table, with sampling that is seeded.

A rate alone says little, so each comes with an interval and with what could be guessed without the
release (as Giomi et al. 2023 report theirs).
"""

from collections.abc import Sequence

import numpy as np

from tidegate.deid.attacks import attempts
from tidegate.deid.attacks.intervals import wilson
from tidegate.deid.attacks.model import AttackResult, Companion, Past
from tidegate.deid.attacks.view import Numbers, View, open_exact, open_release
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables.model import Recoding, TableInput
from tidegate.kernel.values import dataclass

TARGETS = 500


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all attacks share: the table, the targets, and the release and its exact twin."""

    table: TableInput
    targets: Numbers
    release: View
    exact: View
    chosen: Numbers
    seed: int

    def draw(self, attack: int) -> np.random.Generator:
        """Return the attack's own generator; release and exact twin are attacked with one luck."""
        return np.random.default_rng([self.seed, attack])


def run(
    table: TableInput,
    recoding: Recoding,
    *,
    k: int,
    seed: int,
    sensitive: Sequence[str] = (),
    targets: int = TARGETS,
    other: Companion | None = None,
    past: Past | None = None,
) -> tuple[AttackResult, ...]:
    """Attack a release of `table`; the same seed gives the same result.

    Sensitive attributes have their attacks each, under `attack:column`; composition needs another
    release, and composition with the past those that went out before. Raises RecipeInvalidError
    for an unknown column or a table without records.
    """
    columns = {name: table.find_sensitive(name) for name in sensitive}
    if not table.rows or targets < 1 or None in columns.values():
        raise RecipeInvalidError(
            "There is nothing to attack: no record, no target, or a sensitive column that is not "
            "there; name columns of the table.",
            code="attack_nothing",
        )
    draw = np.random.default_rng([seed, 0])
    picked = np.sort(draw.choice(table.rows, min(targets, table.rows), replace=False))
    release = open_release(table, recoding)
    chosen = np.array([release.find(table, record) for record in picked.tolist()], np.intp)
    scene = _Scene(table, picked, release, open_exact(table), chosen, seed)
    results = [_linkage(scene), _singling_out(scene, "singling out", None, 2)]
    for number, column in enumerate(columns.values()):
        if column is not None:
            values = column.codes.astype(np.intp)
            results += _about_values(scene, column.name, values, k, 10 * (number + 1))
            if other is not None:
                results.append(_composition(scene, column.name, other))
            if past is not None:
                results.append(_composition_with_the_past(scene, column.name, values, past))
    return tuple(results)


def _about_values(
    scene: _Scene, name: str, values: Numbers, k: int, first: int
) -> list[AttackResult]:
    return [
        _singling_out(scene, f"singling out by value:{name}", values, first),
        _known_value(scene, name, values, first + 1),
        _inference(scene, name, values),
        _minimality(scene, name, values, k),
    ]


def _result(
    name: str, outcomes: Sequence[bool], baseline: float, unprotected: Sequence[bool] | None
) -> AttackResult:
    tried, succeeded = len(outcomes), sum(outcomes)
    low, high = wilson(succeeded, tried)
    bare = None if unprotected is None else sum(unprotected) / max(len(unprotected), 1)
    return AttackResult(name, tried, succeeded, low, high, baseline, bare)


def _linkage(scene: _Scene) -> AttackResult:
    done = attempts.link(scene.release, scene.chosen, scene.targets, scene.draw(1))
    own = scene.exact.classes[scene.targets]
    bare = attempts.link(scene.exact, own, scene.targets, scene.draw(1))
    return _result("linkage", done, 1 / scene.table.rows, bare)


def _known_value(scene: _Scene, name: str, values: Numbers, number: int) -> AttackResult:
    own = scene.exact.classes[scene.targets]
    done, bare = (
        attempts.link_by_value(view, chosen, scene.targets, values, scene.draw(number))
        for view, chosen in ((scene.release, scene.chosen), (scene.exact, own))
    )
    return _result(f"known value:{name}", done, 1 / scene.table.rows, bare)


def _singling_out(scene: _Scene, name: str, values: Numbers | None, number: int) -> AttackResult:
    tries = len(scene.targets)
    done, bare = (
        attempts.single_out(view, scene.table, tries, scene.draw(number), values)
        for view in (scene.release, scene.exact)
    )
    guessed = attempts.guess_single(scene.table, tries, scene.draw(number), values)
    return _result(name, done, sum(guessed) / tries, bare)


def _inference(scene: _Scene, name: str, values: Numbers) -> AttackResult:
    own = scene.exact.classes[scene.targets]
    done = attempts.infer(scene.release, scene.chosen, scene.targets, values)
    bare = attempts.infer(scene.exact, own, scene.targets, values)
    guess = float((values == attempts.commonest(values)).mean())
    return _result(f"inference:{name}", done, guess, bare)


def _minimality(scene: _Scene, name: str, values: Numbers, k: int) -> AttackResult:
    done, chance = attempts.infer_by_minimality(
        scene.release, scene.table, scene.chosen, scene.targets, values, k
    )
    return _result(f"minimality:{name}", done, chance, None)


def _composition(scene: _Scene, name: str, other: Companion) -> AttackResult:
    """Intersect the values of the target's class in both releases; one release is the baseline."""
    column, theirs = scene.table.find_sensitive(name), other.table.find_sensitive(name)
    if column is None or theirs is None:
        raise RecipeInvalidError(
            f"The other release has no column {name}; name one that both have.",
            code="attack_nothing",
        )
    place = {text: number for number, text in enumerate(column.values)}
    other_codes = [place.get(text, -1) for text in theirs.values]
    second = open_release(other.table, other.recoding)
    both, alone = [], [0, 0]
    for target, number in zip(scene.targets.tolist(), scene.chosen.tolist(), strict=True):
        record = int(other.records[target])
        if record < 0:
            continue
        value = int(column.codes[target])
        ours = column.codes[scene.release.members(number)].astype(np.intp)
        found = second.members(second.find(other.table, record))
        seen = np.array(other_codes, np.intp)[theirs.codes[found]]
        both.append(attempts.is_told([ours, seen], value))
        alone[0] += attempts.is_told([ours], value)
        alone[1] += attempts.is_told([seen], value)
    return _result(f"composition:{name}", both, max(alone) / max(len(both), 1), None)


def _composition_with_the_past(
    scene: _Scene, name: str, values: Numbers, past: Past
) -> AttackResult:
    """Intersect the values of the target's classes in this release and all before it.

    What one release alone tells for sure, the most telling of them, is the baseline.
    """
    both, alone = [], [0] * (len(past.classes) + 1)
    for target, number in zip(scene.targets.tolist(), scene.chosen.tolist(), strict=True):
        before = [np.flatnonzero(one == one[target]) for one in past.classes if one[target] >= 0]
        if not before:
            continue
        seen = [values[scene.release.members(number)], *(values[members] for members in before)]
        value = int(values[target])
        both.append(attempts.is_told(seen, value))
        for place, one in enumerate(seen):
            alone[place] += attempts.is_told([one], value)
    guess = max(alone) / max(len(both), 1)
    return _result(f"composition with the past:{name}", both, guess, None)
