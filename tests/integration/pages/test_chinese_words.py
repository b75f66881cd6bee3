"""Chinese pages speak Chinese: whatever was refused, to whoever reads, in both scripts."""

import re
from html.parser import HTMLParser

import pytest
from sqlalchemy import insert, update

from rooms.web.site import FACULTY, build_site
from tidegate.connector.errors import PeerRefusedError
from tidegate.connector.harvest import store as harvests
from tidegate.connector.harvest.model import HarvestReport
from tidegate.connector.identity import store as identity_store
from tidegate.connector.identity.model import PeerRefusal
from tidegate.db.tables.connector import connector_negotiation, connector_transfer
from tidegate.db.tables.work import work_task
from tidegate.kernel.text import Language
from tidegate.web.messages import messages

pytestmark = pytest.mark.slow

SENTENCE = re.compile(r"[A-Za-z]{2,}(?:[ ,;:'’]+[a-z]{2,}){2,}")
"""Three words in a row, of which the last two are no names."""
AS_WRITTEN = ("code", "pre", "script", "style", "textarea")
TYPED = ("Contract 7 of 2026 covers these rows.", "Made up for the tests;")
"""What people wrote themselves, which stays in the language they wrote."""
NO_SENTENCE = ("tidegate peers doctor DID", "did:web", "urn:uu")
BY_PEOPLE = {"checker_refused", "terminated_by_peer", "terminated_by_person"}
"""Codes of reasons that people write: what they wrote is quoted."""
ENGLISH = "The check of this and that has failed; see to it and try again."
PEOPLE = ("", "olga", "sam", "carl", "cher", "rex", "audrey", "tom")


class Looked(HTMLParser):
    """The texts a reader sees, and where the page leads."""

    EMPTY = frozenset({"input", "br", "hr", "img", "meta", "link", "col", "source", "wbr"})
    TOLD = ("title", "placeholder", "aria-label", "alt")

    def __init__(self, html):
        super().__init__()
        self.texts, self.links, self._open = [], set(), []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "a" and given.get("href", "").startswith("/"):
            self.links.add(given["href"].partition("#")[0])
        if tag not in self.EMPTY:
            self._open.append((tag, self._as_written(tag, given)))
        self._see(*(given.get(name) or "" for name in self.TOLD))

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        self._see(data)

    @staticmethod
    def _as_written(tag, given):
        return (
            tag in AS_WRITTEN or given.get("lang") == "en" or "mono" in (given.get("class") or "")
        )

    def _see(self, *texts):
        said = [text for text in texts if text and not text.isspace()]
        if said and not any(hidden for _, hidden in self._open):
            self.texts += [" ".join(text.split()) for text in said]


def english_in(page):
    """Return the texts of a page that are English sentences of ours."""
    return {
        text
        for text in page.texts
        if SENTENCE.search(text) and not any(each in text for each in TYPED + NO_SENTENCE)
    }


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A node that has met every refusal it has words for."""
    site = build_site(tmp_path_factory.mktemp("refused"))
    table = messages(Language.EN)
    named = {key.partition(".")[2] for key in table if key.startswith(("problem.", "reason."))}
    codes = sorted(named - BY_PEOPLE)
    with site.node.journal.upkeep() as tx:
        for number, code in enumerate(codes):
            did = f"did:web:peer{number}.example"
            identity_store.keep_refusal(tx.connection, PeerRefusal(did, code, ENGLISH, tx.at))
            tx.connection.execute(insert(work_task), _parked(code, tx.at))
        harvests.put_report(
            tx.connection,
            HarvestReport(
                did=FACULTY.did, name=FACULTY.name, state="failed", datasets=0, unreadable=0,
                started_at=tx.at, finished_at=tx.at, code="catalogue_endless", reason=ENGLISH,
            ),
        )  # fmt: skip
    ends = (
        (connector_negotiation, "strange", {"waiting": "", "reason_code": "deny"}),
        (connector_transfer, "transfer", {"reason_code": "plane_missing"}),
    )
    for kept, name, values in ends:
        pid, kind = site.ids[name], kept.name.partition("_")[2]
        with site.node.journal.write(
            by=f"node:{FACULTY.did}", did=f"{kind}.terminated", to=f"{kind}:{pid}",
            why={"reason": values["reason_code"]},
        ) as tx:  # fmt: skip
            tx.connection.execute(
                update(kept)
                .where(kept.c.pid == pid)
                .values(state="TERMINATED", reason=ENGLISH, **values)
            )
    for code in ("token_expired", "credential_revoked", "did_unreachable"):
        site.node.house.identity.refusals.note(FACULTY.did, PeerRefusedError(ENGLISH, code=code))
    yield site
    site.node.close()


def _parked(code, at):
    return {
        "handler": "peer.send", "lane": "", "payload": "{}", "state": "parked", "attempts": 14,
        "due_after": 0.0, "queued_at": at, "due_at": at, "problem_code": code, "problem": ENGLISH,
    }  # fmt: skip


def is_like_another(path, seen):
    """Whether a page of the same kind was read often enough: leaves are all made alike."""
    kind = re.sub(r"\d+", "N", path.partition("?")[0]) if "/leaves/" in path else path
    seen[kind] = seen.get(kind, 0) + 1
    return seen[kind] > (20 if "/leaves/" in path else 1)


@pytest.mark.parametrize("language", ["zh-HK", "zh-CN"])
@pytest.mark.parametrize("who", PEOPLE)
def test_no_page_that_a_person_reaches_shows_an_english_sentence(refused, who, language):
    browser, todo, seen, found = refused.browser(who, language), ["/"], {}, {}
    while todo:
        path = todo.pop(0)
        if is_like_another(path, seen) or "/language" in path or "/sign-out" in path:
            continue
        answer = browser.get(path)
        assert answer.status_code in {200, 401}, (path, answer.status_code)
        if "html" in answer.headers["content-type"]:
            page = Looked(answer.text)
            found |= dict.fromkeys(english_in(page), path)
            todo += sorted(page.links)

    assert {} == found
    assert len(seen) > (0 if not who else 15)


@pytest.mark.parametrize("page", ["/peers", "/operation"])
def test_the_pages_of_an_operator_were_full_of_refusals(refused, page):
    """What the pages above were read for does stand on them, in English for English readers."""
    assert refused.browser("olga").get(page).text.count(ENGLISH) >= 20


def test_an_english_sentence_would_be_seen():
    page = f"<main><p>中文</p><p>{ENGLISH}</p><code>{ENGLISH}</code></main>"
    assert {ENGLISH} == english_in(Looked(page))
    assert {ENGLISH} == english_in(Looked(f'<input placeholder="{ENGLISH}">'))
