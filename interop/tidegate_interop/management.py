"""The management API (v3) of Eclipse EDC, as far as the matrix and the bench use it.

Source: EDC 0.15 management API. What it answers is JSON-LD in its own compact form.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tidegate_interop.process import EdcError

PROTOCOL = "dataspace-protocol-http:2025-1"
CONTEXT = {"@vocab": "https://w3id.org/edc/v0.0.1/ns/"}
ODRL = "http://www.w3.org/ns/odrl.jsonld"
POLL_SECONDS = 0.05
Document = dict[str, Any]


class Management:
    """What an operator of that EDC can do."""

    def __init__(self, address: str) -> None:
        self._address = f"{address}/v3"

    # --- as provider

    def offer(
        self, asset: str, data_url: str, policy: Document | None = None, *, name: str = ""
    ) -> None:
        """Make an asset behind that address and offer it under a policy of its own."""
        self._asset(asset, data_url, name or asset)
        selector = {
            "operandLeft": "https://w3id.org/edc/v0.0.1/ns/id",
            "operator": "=",
            "operandRight": asset,
        }
        terms = policy or {"permission": [{"action": "use"}]}
        self._terms(f"policy-{asset}", terms, f"definition-{asset}", [selector])

    def _asset(self, asset: str, data_url: str, name: str) -> None:
        self._post(
            "/assets",
            {
                "@id": asset,
                "properties": {"name": name, "contenttype": "application/json"},
                "dataAddress": {"type": "HttpData", "baseUrl": data_url},
            },
        )

    def _terms(
        self, policy: str, terms: Document, definition: str, selector: list[Document]
    ) -> None:
        self._post(
            "/policydefinitions",
            {"@id": policy, "policy": {"@context": ODRL, "@type": "Set", **terms}},
        )
        self._post(
            "/contractdefinitions",
            {
                "@id": definition,
                "accessPolicyId": policy,
                "contractPolicyId": policy,
                "assetsSelector": selector,
            },
        )

    def offer_all(self, assets: list[str], data_url: str) -> None:
        """Make many assets and offer all of them under one policy."""
        for asset in assets:
            self._asset(asset, data_url, asset)
        self._terms("policy-all", {"permission": [{"action": "use"}]}, "definition-all", [])

    # --- as consumer

    def withdraw(self, asset: str) -> None:
        """Offer an asset no longer."""
        self._call("DELETE", f"/contractdefinitions/definition-{asset}", None)

    def catalog(
        self,
        address: str,
        participant: str,
        *,
        offset: int = 0,
        limit: int = 50,
        dataset: str = "",
    ) -> Document:
        """Return a peer's catalogue as EDC read it, or of it the one dataset."""
        criterion = {
            "operandLeft": "https://w3id.org/edc/v0.0.1/ns/id",
            "operator": "=",
            "operandRight": dataset,
        }
        asked = {
            "@type": "CatalogRequest",
            "counterPartyAddress": address,
            "counterPartyId": participant,
            "protocol": PROTOCOL,
            "querySpec": {
                "offset": offset,
                "limit": limit,
                "filterExpression": [criterion] if dataset else [],
            },
        }
        return dict(self._post("/catalog/request", asked))

    def dataset(self, address: str, participant: str, dataset: str) -> Document:
        """Return one dataset of a peer as EDC read it."""
        asked = {
            "@type": "DatasetRequest",
            "@id": dataset,
            "counterPartyAddress": address,
            "counterPartyId": participant,
            "protocol": PROTOCOL,
        }
        return dict(self._post("/catalog/dataset/request", asked))

    def negotiate(self, address: str, participant: str, asset: str, offer: Document) -> str:
        """Ask for a contract on an offer of a catalogue; return the negotiation's id."""
        asked = {
            "@type": "ContractRequest",
            "counterPartyAddress": address,
            "protocol": PROTOCOL,
            "policy": {
                "@context": ODRL,
                **offer,
                "@type": "Offer",
                "assigner": participant,
                "target": asset,
            },
        }
        return str(self._post("/contractnegotiations", asked)["@id"])

    def negotiation(self, negotiation: str) -> Document:
        """Return a negotiation."""
        return dict(self._get(f"/contractnegotiations/{negotiation}"))

    def negotiations(self) -> list[Document]:
        """Return the newest thousand negotiations."""
        asked = {"@type": "QuerySpec", "offset": 0, "limit": 1000}
        return list(self._post("/contractnegotiations/request", asked))

    def agreement(self, negotiation: str) -> Document:
        """Return the agreement of a negotiation."""
        return dict(self._get(f"/contractnegotiations/{negotiation}/agreement"))

    def terminate_negotiation(self, negotiation: str, reason: str) -> None:
        """End a negotiation."""
        self._command(
            f"/contractnegotiations/{negotiation}/terminate",
            {"@type": "TerminateNegotiation", "@id": negotiation, "reason": reason},
        )

    def transfer(
        self,
        address: str,
        agreement: str,
        kind: str,
        *,
        sink: str = "",
        callback: str = "",
    ) -> str:
        """Ask for a transfer; `sink` is where pushed data go, `callback` who is told of starts."""
        asked: Document = {
            "@type": "TransferRequest",
            "counterPartyAddress": address,
            "contractId": agreement,
            "protocol": PROTOCOL,
            "transferType": kind,
        }
        if sink:
            asked["dataDestination"] = {"type": "HttpData", "baseUrl": sink}
        if callback:
            asked["callbackAddresses"] = [
                {
                    "transactional": False,
                    "uri": callback,
                    "events": ["transfer.process.started"],
                }
            ]
        return str(self._post("/transferprocesses", asked)["@id"])

    def transfer_process(self, transfer: str) -> Document:
        """Return a transfer process."""
        return dict(self._get(f"/transferprocesses/{transfer}"))

    def transfers(self) -> list[Document]:
        """Return the newest thousand transfer processes."""
        asked = {"@type": "QuerySpec", "offset": 0, "limit": 1000}
        return list(self._post("/transferprocesses/request", asked))

    def terminate_transfer(self, transfer: str, reason: str) -> None:
        """End a transfer."""
        self._command(
            f"/transferprocesses/{transfer}/terminate",
            {"@type": "TerminateTransfer", "reason": reason},
        )

    def suspend_transfer(self, transfer: str, reason: str) -> None:
        """Hold a transfer."""
        self._command(
            f"/transferprocesses/{transfer}/suspend",
            {"@type": "SuspendTransfer", "reason": reason},
        )

    def resume_transfer(self, transfer: str) -> None:
        """Let a held transfer go on."""
        self._command(f"/transferprocesses/{transfer}/resume", None)

    # --- the wire

    def _get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def _post(self, path: str, document: Document | None) -> Any:
        said = None if document is None else {"@context": CONTEXT, **document}
        return self._call("POST", path, said)

    def _command(self, path: str, document: Document | None) -> None:
        """Command a process; EDC answers 409 while its own loop holds it, so ask again."""

        def done() -> bool:
            try:
                self._post(path, document)
            except EdcError as problem:
                if "HTTP 409" in str(problem):
                    return False
                raise
            return True

        wait_until(done, f"EDC takes {path}", seconds=20)

    def _call(self, method: str, path: str, document: Document | None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(
            self._address + path,
            data=body if method == "GET" or body is not None else b"",
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                said = answer.read()
        except urllib.error.HTTPError as problem:
            words = problem.read()[:600].decode(errors="replace")
            raise EdcError(f"{method} {path}: HTTP {problem.code} {words}") from None
        return json.loads(said) if said else {}


def listed(value: Any) -> list[Any]:
    """Return what EDC writes as one object where there is one, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def datasets_of(catalog: Document) -> list[str]:
    """Return the ids of the datasets of a catalogue as EDC read it."""
    return [str(one["@id"]) for one in listed(catalog.get("dataset"))]


def offers_of(catalog: Document, dataset: str) -> list[Document]:
    """Return the offers of one dataset of a catalogue as EDC read it."""
    return [
        offer
        for one in listed(catalog.get("dataset"))
        if one["@id"] == dataset
        for offer in listed(one.get("hasPolicy"))
    ]


def wait_until(
    question: Callable[[], Any], what: str, seconds: float = 60.0, every: float = POLL_SECONDS
) -> Any:
    """Return the first true answer; raise EdcError when none comes in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = question()
        if found:
            return found
        time.sleep(every)
    raise EdcError(f"in {seconds:.0f} s it never happened: {what}")
