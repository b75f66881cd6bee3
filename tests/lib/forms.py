"""The fields of a form on a page, as a browser that changes nothing would send them."""

from html.parser import HTMLParser


class _Reader(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self._action, self._is_inside, self._select, self._text = action, False, None, None
        self.fields: dict[str, list[str]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given.get("action") == self._action
        elif not self._is_inside:
            return
        elif tag == "input":
            is_box = given.get("type") in {"checkbox", "radio"}
            is_sent = "checked" in given or not is_box
            self._add(given.get("name", ""), given.get("value", "") if is_sent else None)
        else:
            self._begin(tag, given)

    def _begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "select":
            self._select = [given.get("name", ""), None]
        elif tag == "option" and self._select is not None:
            if "selected" in given or self._select[1] is None:
                self._select[1] = given.get("value", "")
        elif tag == "textarea":
            self._text = [given.get("name", ""), ""]

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text[1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self._select is not None:
            self._add(*self._select)
            self._select = None
        elif tag == "textarea" and self._text is not None:
            self._add(*self._text)
            self._text = None
        elif tag == "form":
            self._is_inside = False

    def _add(self, name: str, value: str | None) -> None:
        if name and value is not None:
            self.fields.setdefault(name, []).append(value)


def form_of(page: str, action: str) -> dict[str, list[str]]:
    """Return the fields of the first form with this action; AssertionError when there is none."""
    reader = _Reader(action)
    reader.feed(page)
    assert reader.fields, f"no form sends to {action}"
    return reader.fields
