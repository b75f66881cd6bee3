"""What a node may be built with besides its own: the seam of the test plugin.

The conformance kits speak for participants that belong to no space. A test plugin that lives
outside this package gives a node an identity scheme, an assessor and doors for them. `tidegate
serve` passes none, and refuses to start where one is asked for: nothing here can be configured.
"""

from collections.abc import Callable, Sequence
from typing import Any

from starlette.routing import BaseRoute

from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.kernel.values import dataclass
from tidegate.work.model import Periodic


@dataclass(frozen=True, slots=True)
class Fittings:
    """Each takes the node's own part and returns what the protocol's rooms are given.

    `crossing` decides whether rows may move, `planes` move them, `manners` say what is forgiven
    planes elsewhere, `hosting` judges flows of control planes elsewhere, `wire` carries calls to
    peers, `http` makes the outgoing client of identity from its settings, `periodics` says which
    jobs run by themselves; `routes` takes the open node and returns doors that come before all
    others.
    """

    identity: Callable[[Any], Any] = lambda own: own
    assessment: Callable[[Any], Any] = lambda own: own
    gate: Callable[[Any], Any] = lambda own: own
    crossing: Callable[[Any], Any] = lambda own: own
    planes: Callable[[tuple[Any, ...]], tuple[Any, ...]] = lambda own: own
    manners: Callable[[Any], Any] = lambda own: own
    hosting: Callable[[Any], Any] = lambda own: own
    wire: Callable[[Any], Any] = lambda own: own
    http: Callable[[HttpSettings], PeerHttp] = PeerHttp
    periodics: Callable[[tuple[Periodic, ...]], tuple[Periodic, ...]] = lambda own: own
    routes: Callable[[Any], Sequence[BaseRoute]] = lambda _node: ()


PLAIN = Fittings()
