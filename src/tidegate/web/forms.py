"""What a form sent, read with care: every field is text of bounded length."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import field

from tidegate.kernel.errors import ForbiddenError, InvalidError
from tidegate.kernel.values import dataclass

LARGEST_FIELD = 80_000  # bytes a field may take on the wire: its longest text, four bytes a letter
TOKEN_FIELD = "csrf"  # noqa: S105 - the name of a field, not a secret
_LONGEST = 20_000
_WHOLE = re.compile(r"-?[0-9]{1,15}")


class FormForgedError(ForbiddenError):
    """The form was not made by this site for this reader, or has grown too old."""


@dataclass(frozen=True, slots=True)
class Form:
    """The fields a person filled in."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a field's text without blanks around it, or an empty text."""
        values = self.values.get(name, ())
        text = values[0].strip() if values else ""
        if len(text) > _LONGEST:
            raise InvalidError(
                "A field of the form is too long; shorten it.", code="field_too_long"
            )
        return text

    def required(self, name: str) -> str:
        """Return a field's text; raise InvalidError when it is empty."""
        text = self.text(name)
        if not text:
            raise InvalidError(
                f"The field {name} is empty; fill it in.", code="field_empty", field=name
            )
        return text

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a field as a whole number; raise InvalidError if it is none."""
        text = self.text(name)
        if not text and default is not None:
            return default
        number = read_whole(text)
        if number is None:
            raise InvalidError(
                f"The field {name} takes a whole number.", code="field_not_a_number", field=name
            )
        return number

    def every(self, name: str) -> tuple[str, ...]:
        """Return all values of a field that may be chosen several times."""
        return tuple(value.strip() for value in self.values.get(name, ()) if value.strip())

    def lines(self, name: str) -> tuple[str, ...]:
        """Return a field's lines, or its parts between commas, without empty ones."""
        parts = self.text(name).replace(",", "\n").splitlines()
        return tuple(part.strip() for part in parts if part.strip())


def read_whole(text: str) -> int | None:
    """Read a whole number as people write it, or None; `int` takes other digits and is slow."""
    return int(text) if _WHOLE.fullmatch(text) else None


def make_token(key: bytes, seed: str) -> str:
    """Bind a form to the browser that asked for it (the seed is in its cookie)."""
    return hmac.new(key, seed.encode(), hashlib.sha256).hexdigest()


def check_token(key: bytes, seed: str, given: str) -> None:
    """Raise FormForgedError unless the token was made for this browser."""
    if not seed or not hmac.compare_digest(make_token(key, seed).encode(), given.encode()):
        raise FormForgedError(
            "This form has expired or did not come from this site; open the page again.",
            code="form_expired",
        )
