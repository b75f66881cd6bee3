"""Usage policies, made from terms."""

from typing import Any

from tidegate_client.transport import Transport


class Policies:
    """Templates of usage policies."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def research(self, **terms: Any) -> dict[str, Any]:
        """Return a research policy of terms: assignees, seats, purposes (DUO), until, max_uses.

        The answer is what `Catalogue.publish_offer` takes. Raises NodeError where a term is
        malformed or could not be enforced.
        """
        return self._http.post("/policies/research", terms, dict[str, Any])

    def terms(self, **terms: Any) -> dict[str, Any]:
        """Return the same policy in compact ODRL: permission, prohibition, obligation.

        The answer is what `Connector.request`, `counter` and strategies take as other terms.
        """
        return self._http.post("/policies/terms", terms, dict[str, Any])
