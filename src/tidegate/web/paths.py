"""Addresses of pages that name more than one thing."""

from urllib.parse import quote


def dataset_path(dataset_id: str, publisher: str, rest: str = "", *, own: str) -> str:
    """Return the address of a publisher's dataset, or of its part `rest` (`/apply`).

    A dataset's id is its publisher's own word, so a peer's dataset is named with its peer: another
    institution that uses the same id does not stand in its place.
    """
    path = f"/datasets/{quote(dataset_id, safe='')}{rest}"
    return path if publisher in {"", own} else f"{path}?publisher={quote(publisher, safe='')}"
