"""An authority whose key changes, and everything somebody with a stolen key would try."""

from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from tidegate.audit.authority.model import Cause, SignedSuccession, sign_succession
from tidegate.audit.authority.rules import KeyHistory, key_history, next_succession
from tidegate.keys.rules import new_key, public_members, sign_raw

SPACE, AUTHORITY = "space_1", "did:web:authority.example"


def jwk_of(key: ECKey):
    """Return a public key as the sorted members a succession holds."""
    return tuple(sorted(public_members(key.as_dict(private=False)).items()))


@dataclass
class Authority:
    """The keys of an authority, from the first on, and the history it signs."""

    evidence: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    keys: list[ECKey] = field(default_factory=lambda: [new_key("ES256")])
    listed: tuple[SignedSuccession, ...] = ()

    def history(self, listed=None) -> KeyHistory:
        """Verify a history as one who holds the first trust file does."""
        return key_history(
            SPACE,
            AUTHORITY,
            jwk_of(self.keys[0]),
            self.evidence.public_key().public_bytes_raw(),
            self.listed if listed is None else tuple(listed),
        )

    def succeed(
        self, at: str, *, until: str = "", evidence=None, before=None, key=None, changed=None
    ) -> SignedSuccession:
        """Sign a succession; what is named differs from what the authority would have signed."""
        after = key or new_key("ES256")
        cause = Cause.COMPROMISED if until else Cause.PLANNED
        made = next_succession(self.history(), jwk_of(after), at=at, cause=cause, until=until)
        signed = sign_succession(
            replace(made, **(changed or {})),
            evidence=(evidence or self.evidence).sign,
            before=lambda data: sign_raw(before or self.keys[-1], data),
            after=lambda data: sign_raw(after, data),
        )
        if not (changed or evidence or before or key):
            self.keys.append(after)
            self.listed = (*self.listed, signed)
        return signed
