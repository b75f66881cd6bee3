"""What the access room puts into evidence; PREMIS has no event types for people."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "person.added": None,
    "person.roles_changed": None,
    "person.disabled": None,
    "person.link_issued": None,
    "person.token_issued": None,
    "person.token_revoked": None,
    "person.password_set": None,
    "person.totp_enrolled": None,
    "person.totp_confirmed": None,
    "person.signed_in": None,
    "person.signed_out": None,
    "person.sign_in_refused": None,
}
