"""The blocks of docs/how-to/move-rows.md that need two nodes with an agreement, word for word."""

import threading
import zipfile
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from lib.law_world import NOW, YEAR, moment

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "move-rows.md"
UNTIL = '"2027-01-01T00:00:00Z"'
PLACE = '"/dev/shm/rows.zip"'


def block_with(words):
    """Return the page's one block of code that holds these words."""
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    (found,) = (one.content for one in tokens if one.type == "fence" and words in one.content)
    return found


def test_rows_are_offered_as_the_page_says(world):
    code = block_with("steward.policies.research(").replace(UNTIL, repr(moment(NOW + YEAR)))
    known = {one.id for one in world["steward"].catalogue.list_offers(world.dataset)}

    exec(code, {"steward": world["steward"], "version": world.version})

    offers = world["steward"].catalogue.list_offers(world.dataset)
    (new,) = (one for one in offers if one.id not in known)
    assert {"HttpData-PULL", "HttpData-PUSH"} == set(new.formats)


def test_rows_are_fetched_as_the_page_says(world, tmp_path):
    agreement, file = world.agree(), tmp_path / "rows.zip"
    code = block_with("researcher.rows.ask(").replace(PLACE, repr(str(file)))
    counsel = threading.Thread(
        target=lambda: world["counsel_cn"].rows.approve(
            world.question(agreement).id, "Storage agreement 9."
        )
    )
    counsel.start()

    exec(code, {"researcher": world["researcher"], "agreement": agreement})

    counsel.join(30)
    assert zipfile.ZipFile(file).testzip() is None
    assert zipfile.ZipFile(file).namelist()
