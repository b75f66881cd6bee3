"""The operations on approvals of rows over the SDK's own types, from a seeded node."""

from urllib.parse import parse_qsl

import msgspec
import pytest

from rooms.web.site import build_site
from tidegate.access.errors import RoleMissingError
from tidegate.api import approvals
from tidegate.api.connector import Reason
from tidegate.api.kit import Call
from tidegate_client import rows as sdk


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = build_site(tmp_path_factory.mktemp("site"))
    yield site
    site.node.close()


class Here:
    """The SDK's way to a node, without a network: the operation itself, by the wire's bytes."""

    def __init__(self, site, who):
        self._site, self._who = site, who

    def get(self, path, kind):
        where, _, query = path.partition("?")
        asked = dict(parse_qsl(query))
        return self._call("GET", where, None, asked, kind)

    def post(self, path, body, kind):
        reason = msgspec.json.decode(msgspec.json.encode(body), type=Reason)
        return self._call("POST", path, reason, {}, kind)

    def _call(self, method, path, body, query, kind):
        for one in approvals.OPERATIONS:
            said = dict(zip(one.path.split("/"), path.split("/"), strict=False))
            named = {name[1:-1]: value for name, value in said.items() if name[:1] == "{"}
            if one.method == method and one.path.format(**named) == path:
                house, actor = self._site.node.house, self._site.actor(self._who)
                given = one.handler(Call(house, actor, named, query, body))
                return msgspec.json.decode(msgspec.json.encode(given), type=kind)
        raise LookupError(path)


def test_approvals_are_listed_with_what_they_are_bound_to_and_in_the_words_of_the_rules(site):
    rows = sdk.Rows(Here(site, "audrey"))

    asked = rows.approvals(state="asked")
    every = rows.approvals(agreement_id=site.ids["given"])

    assert [one.id for one in asked] == [site.ids["waiting"]]
    assert {site.ids["waiting"], site.ids["approved"]} <= {one.id for one in every}
    assert asked[0].frame.version_id == site.ids["version"]
    assert asked[0].rules[0].title["zh_hant"] == "數據行離開香港須有建議的合約範本。"
    assert rows.approvals(agreement_id="none") == ()


def test_one_is_shown_answered_and_taken_back(site):
    rows, one = sdk.Rows(Here(site, "carl")), site.ids["waiting"]

    shown = approvals.show_approval(
        Call(site.node.house, site.actor("carl"), {"approval": one}, {}, None)
    )
    assert shown.id == one
    assert rows.refuse(one, "No contract.").state == "refused"
    assert rows.approve(one, "Contract 9.").reason == "Contract 9."
    withdrawn = rows.withdraw(one, "Contract 9 is void.")
    assert (withdrawn.state, withdrawn.answered_by) == ("withdrawn", site.actor("carl").id)


def test_nobody_else_answers_for_the_legal_officer(site):
    with pytest.raises(RoleMissingError):
        sdk.Rows(Here(site, "sam")).approve(site.ids["waiting"], "Because.")
