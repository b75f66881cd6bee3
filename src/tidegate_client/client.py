"""One person's view of one node: every group of calls in one place."""

import httpx

from tidegate_client.access import People
from tidegate_client.applications import Applications
from tidegate_client.catalogue import Catalogue
from tidegate_client.commons import Commons
from tidegate_client.connector import Connector
from tidegate_client.evidence import Evidence
from tidegate_client.lab import Queries, Releases
from tidegate_client.partners import Mechanisms, Partnerships, Projects, Trainings
from tidegate_client.peers import Peers
from tidegate_client.planes import Planes
from tidegate_client.policies import Policies
from tidegate_client.policy import Agreements, Decisions, Rules
from tidegate_client.rows import Rows
from tidegate_client.space import Spaces
from tidegate_client.transport import Transport


class Client:
    """Calls the node at `base_url` as the person whose token is given. Use as a context."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        timeout: float = 60.0,
        http: httpx.Client | None = None,
    ) -> None:
        self._transport = Transport(base_url, token, timeout=timeout, http=http)
        self.people = People(self._transport)
        self.space = Spaces(self._transport)
        self.partnerships = Partnerships(self._transport)
        self.trainings = Trainings(self._transport)
        self.projects = Projects(self._transport)
        self.mechanisms = Mechanisms(self._transport)
        self.applications = Applications(self._transport)
        self.policies = Policies(self._transport)
        self.agreements = Agreements(self._transport)
        self.decisions = Decisions(self._transport)
        self.rules = Rules(self._transport)
        self.catalogue = Catalogue(self._transport)
        self.commons = Commons(self._transport)
        self.connector = Connector(self._transport)
        self.peers = Peers(self._transport)
        self.planes = Planes(self._transport)
        self.rows = Rows(self._transport)
        self.queries = Queries(self._transport)
        self.releases = Releases(self._transport)
        self.evidence = Evidence(self._transport)

    def __enter__(self) -> "Client":
        """Return the client."""
        return self

    def __exit__(self, *_problem: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()
