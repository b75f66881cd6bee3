"""Sentences with facts in them: what is looked for is written, what the main flow says is told."""

import ast
import re
from pathlib import Path

import tidegate
from tidegate.kernel.text import Language
from tidegate.web.facts import pattern_of
from tidegate.web.messages import messages

SOURCE = Path(tidegate.__file__).parent
TOLD = {
    key.removeprefix("told."): text
    for key, text in messages(Language.EN).items()
    if key.startswith("told.")
}
MAIN_FLOW = (
    "lab/analysis.py",
    "lab/disclosure",
    "lab/query/rules.py",
    "lab/releases",
    "lab/visits/service.py",
    "partners/application/rules.py",
    "partners/gate/rules.py",
    "policy/constraints.py",
)
"""Where the refusals are made that people meet when they apply, negotiate and ask."""
SAID_OTHERWISE = {
    r";\ near\ it:\ .+\.",  # the end of a sentence that is told
    r"The\ time\ the\ policy\ allows\ .+\ at\ .+\.",  # told as begun and as ended
    r"An\ id\ has\ 1\ to\ .+\ characters\.",  # a peer's mistake, which no person makes
}


def written(node):
    """Return what a string of the source says, as a pattern, or None where it is no string."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(written(part) or ".+" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (written(node.left) or ".+") + (written(node.right) or ".+")
    return None


def sentences_in(*folders):
    """Return the sentences of the source with what is filled in, as patterns."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        name = str(path.relative_to(SOURCE))
        if folders and not name.startswith(folders):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr | ast.BinOp):
                found.add(written(node) or "")
    return {one for one in found if one.count(" ") > 2 or one.count("\\ ") > 2}


def test_every_english_sentence_that_is_looked_for_is_written_somewhere():
    patterns = [re.compile(one, re.DOTALL) for one in sentences_in()]

    lost = [
        key
        for key, text in TOLD.items()
        if not any(one.fullmatch(text.replace("'{", "'").replace("}'", "'")) for one in patterns)
        and not any(one.fullmatch(text) for one in patterns)
    ]

    assert [] == lost


def test_every_fact_of_the_main_flow_is_told():
    """A sentence with something filled in has its own words in every language."""
    known = [pattern_of(text) for text in TOLD.values()]
    untold = {
        one
        for one in sentences_in(*MAIN_FLOW) - SAID_OTHERWISE
        if one.endswith(r"\.") and not any(each.fullmatch(_filled(one)) for each in known)
    }

    assert set() == untold


def _filled(pattern):
    return re.sub(r"\\(.)", r"\1", pattern.replace(".+", "'x'"))
