"""One form, one act: a form that is sent again as it was gives the first answer once more.

A second press, a second tab or the browser's way back sends the very same fields. What they made
the first time is not made twice. What failed is not kept: the form may be sent until it succeeds.
Kept in memory, for the forms of late; each new rendering of a form is a form of its own.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import field

from starlette.responses import RedirectResponse, Response

from tidegate.kernel.values import dataclass

ONCE_FIELD = "once"
MOST_KEPT = 1000


@dataclass(slots=True)
class _Sending:
    lock: threading.Lock = field(default_factory=threading.Lock)
    went_to: str = ""


class Repeats:
    """Remembers where the forms of late led."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Sending] = OrderedDict()

    def once(self, key: str, act: Callable[[], Response]) -> Response:
        """Act and remember where it led, or lead there again; a second waits for the first."""
        with self._lock:
            sending = self._kept.setdefault(key, _Sending())
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        with sending.lock:
            if sending.went_to:
                return RedirectResponse(sending.went_to, status_code=303)
            response = act()
            if response.status_code == 303:
                sending.went_to = response.headers["location"]
            return response


def key_of(seed: str, path: str, values: Mapping[str, tuple[str, ...]]) -> str:
    """Return one name for the same fields of the same rendering, sent by the same browser."""
    sent = repr((seed, path, sorted(values.items())))
    return hashlib.sha256(sent.encode(errors="surrogatepass")).hexdigest()
