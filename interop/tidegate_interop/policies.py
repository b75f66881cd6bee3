"""The policies EDC is given: rules of ODRL as its management takes them."""

from typing import Any

Terms = dict[str, Any]
DUO = "http://purl.obolibrary.org/obo/"
DATE_TIME = "http://www.w3.org/2001/XMLSchema#dateTime"


def use(*constraints: Terms) -> Terms:
    """Return the permission to use under these constraints."""
    rule: Terms = {"action": "use"}
    return {"permission": [rule | ({"constraint": list(constraints)} if constraints else {})]}


def constraint(left: str, operator: str, right: object) -> Terms:
    """Return one constraint."""
    return {
        "leftOperand": {"@id": left},
        "operator": {"@id": f"odrl:{operator}"},
        "rightOperand": right,
    }


FREE = use()
UNTIL = constraint("odrl:dateTime", "lt", {"@value": "2099-01-01T00:00:00Z", "@type": DATE_TIME})
ONE_PURPOSE = use(constraint("odrl:purpose", "eq", f"{DUO}DUO_0000007"), UNTIL)
PURPOSES = use(
    constraint("odrl:purpose", "isAnyOf", [f"{DUO}DUO_0000007", f"{DUO}DUO_0000042"]), UNTIL
)
UNKNOWN = use(constraint("https://example.org/unknown", "eq", "x"))
