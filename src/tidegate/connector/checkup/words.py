"""What a checkup says, in three languages, from `words.toml` beside this file.

`{…}` are filled by the step; what the other side or the system said stays in its own words.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from tidegate.connector.checkup.model import Finding, Said, Step
from tidegate.kernel.text import Language, Multilingual


@cache
def words() -> Mapping[str, Any]:
    """Read the words of every step: its name, and what each way of ending says and advises."""
    path = files("tidegate.connector.checkup").joinpath("words.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def finding(step: Step, said: Said) -> Finding:
    """Put how a step ended into words; KeyError for an end that has none."""
    table = words()
    part = table["any"] if said.code in table["any"] else table[step.value]
    told = part[said.code]
    return Finding(
        step=step,
        result=said.result,
        code=said.code,
        name=Multilingual(*table[step.value]["name"]),
        said=_filled(told["said"], said.values),
        advice=_filled(told.get("advice", ["", "", ""]), said.values),
    )


def _filled(texts: list[str], values: Mapping[str, str]) -> Multilingual:
    filled = []
    for text in texts[: len(Language)]:
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        filled.append(text.strip())
    return Multilingual(*filled)
