"""The wire of the SDK: one HTTP client, typed answers, refusals as exceptions."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from tidegate_client.errors import NodeError, UnreachableError, WithheldError

T = TypeVar("T")


class _Problem(msgspec.Struct, frozen=True):
    error: str = "unknown"
    code: str = ""
    message: str = "The node answered without a reason."
    details: Mapping[str, str] = {}


def _trust(base_url: str) -> ssl.SSLContext | bool:
    """Return whom TLS trusts: nobody where it is never spoken, since reading all takes 50 ms."""
    return not base_url.startswith("http://") or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Transport:
    """Sends calls to one node as one person."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        timeout: float = 60.0,
        http: httpx.Client | None = None,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._http = http or httpx.Client(
            timeout=timeout, follow_redirects=False, verify=_trust(self._base)
        )

    def get(self, path: str, into: type[T], **query: str | int) -> T:
        """Read `path`; return the answer as `into`. Raises NodeError."""
        return self._call("GET", path, into, params=query or None)

    def post(self, path: str, body: Any, into: type[T]) -> T:
        """Post a JSON body to `path`; return the answer as `into`. Raises NodeError."""
        return self._call("POST", path, into, content=_json(body), headers=_JSON)

    def put(self, path: str, body: Any, into: type[T]) -> T:
        """Put a JSON body to `path`; return the answer as `into`. Raises NodeError."""
        return self._call("PUT", path, into, content=_json(body), headers=_JSON)

    def delete(self, path: str, into: type[T]) -> T:
        """Delete `path`; return the answer as `into`. Raises NodeError."""
        return self._call("DELETE", path, into)

    def upload(self, path: str, content: Iterable[bytes], into: type[T], **query: str) -> T:
        """Stream bytes to `path` with PUT; return the answer as `into`. Raises NodeError."""
        headers = {"Content-Type": "application/octet-stream"}
        return self._call("PUT", path, into, content=content, headers=headers, params=query or None)

    def download(self, path: str) -> bytes:
        """Return the bytes at `path`. Raises NodeError."""
        return self._send("GET", path).content

    def stream(self, path: str) -> Iterator[bytes]:
        """Yield the bytes at `path` as they come. Raises NodeError."""
        url = f"{self._base}/api/v1{path}"
        try:
            with self._http.stream("GET", url, headers=self._headers) as response:
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield from response.iter_raw()
        except httpx.HTTPError as problem:
            raise UnreachableError(
                0, "unavailable", "unreachable", f"The node cannot be reached: {problem}.", {}
            ) from problem

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _call(self, method: str, path: str, into: type[T], **options: Any) -> T:
        response = self._send(method, path, **options)
        if response.status_code == 204 or not response.content:
            return msgspec.convert(None, into)
        return msgspec.json.decode(response.content, type=into)

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self._headers, **options.pop("headers", {})}
        url = f"{self._base}/api/v1{path}"
        try:
            response = self._http.request(method, url, headers=headers, **options)
        except httpx.HTTPError as problem:
            raise UnreachableError(
                0, "unavailable", "unreachable", f"The node cannot be reached: {problem}.", {}
            ) from problem
        if response.is_success:
            return response
        raise _refusal(response)


_JSON = {"Content-Type": "application/json"}


def _json(body: Any) -> bytes:
    return msgspec.json.encode(body if body is not None else {})


def _refusal(response: httpx.Response) -> NodeError:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem(message=f"The node answered {response.status_code} without a reason.")
    kind = {"withheld": WithheldError, "unavailable": UnreachableError}.get(
        problem.error, NodeError
    )
    return kind(response.status_code, problem.error, problem.code, problem.message, problem.details)
