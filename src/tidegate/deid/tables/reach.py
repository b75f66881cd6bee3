"""Say why a criterion is out of a table's reach, and what could be asked instead."""

from fractions import Fraction
from math import floor
from typing import TypeAlias

import numpy as np

from tidegate.deid.tables.model import (
    Criterion,
    DeltaPresence,
    DistinctL,
    EntropyL,
    KAnonymity,
    RecursiveL,
    RiskThreshold,
    TableInput,
    TCloseness,
)

ValueCriterion: TypeAlias = DistinctL | EntropyL | RecursiveL | TCloseness


def say(criterion: Criterion, table: TableInput) -> str:
    """Return a sentence about the whole table taken as one class: what it has, and what to ask."""
    match criterion:
        case KAnonymity(k):
            return _few_records(k, table.rows)
        case RiskThreshold(attacker, most, population):
            return _risk(attacker.value, most, len(population[0]) if population else table.rows)
        case DeltaPresence(least, most, population):
            return _presence(least, most, table.rows, len(population[0]))
        case _:
            return _say_of_values(criterion, _frequencies(table, criterion.column))


def _say_of_values(criterion: ValueCriterion, counts: "list[int]") -> str:
    match criterion:
        case DistinctL(column, least):
            return _few_values(column, least, len(counts))
        case EntropyL(column, least):
            return _uneven(column, least, counts)
        case RecursiveL(column, c, least):
            return _too_common(column, c, least, counts)
        case TCloseness(column, t):
            return f"No class of {column} can be as close as {t:g}: ask for a greater t."


def _few_records(k: int, rows: int) -> str:
    instead = f"ask for k = {rows} at most, or bring more records" if rows > 1 else "bring more"
    return f"The table has {rows} records, so no class can have {k}: {instead}."


def _risk(attacker: str, most: float, people: int) -> str:
    return (
        f"With {people} people the least risk from a {attacker} is 1/{people}, and {most:g} was"
        f" asked: ask for 1/{people} or more, or bring more records."
    )


def _presence(least: float, most: float, rows: int, people: int) -> str:
    share = Fraction(rows, people)
    return (
        f"{rows} of the population's {people} people are in the table, so the chance that somebody"
        f" is cannot be kept between {least:g} and {most:g}: let {share} lie between the bounds"
        " (and the least be 0 if the table's labels do not cover everybody)."
    )


def _few_values(column: str, least: float, values: int) -> str:
    return (
        f"{column} has {values} different values, so no class can have {least:g}: ask for"
        f" l = {values} at most, or leave that criterion out."
    )


def _uneven(column: str, least: float, counts: "list[int]") -> str:
    shares = np.array(counts) / sum(counts)
    reached = floor(float(np.exp(-(shares * np.log(shares)).sum())) * 100) / 100
    return (
        f"The values of {column} are spread over the whole table as {reached:g} evenly frequent"
        f" ones would be, so no entropy of log {least:g} can be kept in every class: ask for"
        f" l = {reached:g} at most."
    )


def _too_common(column: str, c: float, least: int, counts: "list[int]") -> str:
    tail = sum(counts[least - 1 :])
    if not tail:
        return _few_values(column, least, len(counts))
    ratio = Fraction(counts[0], tail)
    return (
        f"The commonest value of {column} is {float(ratio):.2f} times as frequent as all from the"
        f" {least}. commonest on, and c = {c:g} must be above that: ask for a greater c or a"
        " smaller l."
    )


def _frequencies(table: TableInput, name: str) -> "list[int]":
    """Return how often each value of a sensitive column occurs, the commonest first."""
    column = table.find_sensitive(name)
    counts = np.bincount(column.codes) if column is not None else np.zeros(0, np.int64)
    return sorted((int(n) for n in counts if n), reverse=True)
