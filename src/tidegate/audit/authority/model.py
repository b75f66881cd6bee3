"""How the key of a space's authority follows another: a numbered, chained, signed history.

The history begins at the key in the trust file. Each succession is signed three times: by the
authority's evidence key, which the trust file names too, by the key before, and by the key after
(proof that its holder has it). Whoever copied one key can therefore forge none. A succession says
until which moment the key before may have signed: the moment of the change, or, for a key that was
compromised, the moment from which it is not believed.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from joserfc.jwk import ECKey

from tidegate.audit.encoding import check_signature, decode_bytes, encode_bytes
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError, SuccessionError
from tidegate.audit.jws import Jws, check_es256
from tidegate.audit.model import read_canonical
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass

FORM = "tidegate-succession/1"
MOST = 256  # successions in one history
JWK_MEMBERS = ("alg", "crv", "kid", "kty", "use", "x", "y")
_SIGNERS = ("after", "before", "evidence")
Sign = Callable[[bytes], bytes]
Jwk = tuple[tuple[str, str], ...]


class Cause(StrEnum):
    """Why a key was changed."""

    PLANNED = "planned"
    COMPROMISED = "compromised"


def jwk_fingerprint(jwk: Mapping[str, str]) -> str:
    """Hash the required members of a P-256 public key (RFC 7638 §3); hexadecimal."""
    needed = {name: jwk.get(name, "") for name in ("crv", "kty", "x", "y")}
    return sha256_hex(canonical_json(needed))


def read_p256(jwk: Any, what: str) -> Jwk:
    """Read a public P-256 key strictly, as sorted members; raise EvidenceMalformedError."""
    try:
        fits = set(jwk) <= set(JWK_MEMBERS) and all(isinstance(each, str) for each in jwk.values())
        point = ECKey.import_key({name: jwk[name] for name in ("crv", "kty", "x", "y")})
        strict = all(encode_bytes(decode_bytes(jwk[name])) == jwk[name] for name in "xy")
        fits = fits and strict and point.curve_name == "P-256"
    except (KeyError, TypeError, ValueError, EvidenceMalformedError, AttributeError):
        fits = False
    if not fits:
        raise EvidenceMalformedError(f"{what} holds no P-256 key.")
    return tuple(sorted(jwk.items()))


@dataclass(frozen=True, slots=True)
class Succession:
    """One change of the authority's key; `previous` is empty in the first."""

    space: str
    authority: str
    number: int
    previous: str
    before: str  # fingerprint of the key before
    jwk: Jwk
    at: str
    until: str  # what the key before signed, dated later, is not believed
    cause: Cause

    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        return canonical_json(
            {
                "form": FORM,
                "space": self.space,
                "authority": self.authority,
                "number": self.number,
                "previous": self.previous,
                "before": self.before,
                "jwk": dict(self.jwk),
                "at": self.at,
                "until": self.until,
                "cause": self.cause.value,
            }
        )

    @property
    def sha256(self) -> str:
        """Return the hash by which the next succession and the evidence name this one."""
        return sha256_hex(self.canonical())


@dataclass(frozen=True, slots=True)
class SignedSuccession:
    """A succession and its three signatures: Ed25519 by the evidence key, ES256 by the others."""

    succession: Succession
    evidence: str
    before: str
    after: str

    def to_json(self) -> dict[str, str]:
        """Return the form that travels: the signed text and the signatures."""
        return {
            "succession": self.succession.canonical().decode(),
            "evidence": self.evidence,
            "before": self.before,
            "after": self.after,
        }


def sign_succession(
    succession: Succession, *, evidence: Sign, before: Sign, after: Sign
) -> SignedSuccession:
    """Sign a succession with the three keys."""
    data = succession.canonical()
    return SignedSuccession(
        succession, *(encode_bytes(each(data)) for each in (evidence, before, after))
    )


def read_successions(content: Any) -> tuple[SignedSuccession, ...]:
    """Read the travelling form of a history; nothing is verified yet.

    Raises:
        EvidenceMalformedError: it is not in its one strict form.
    """
    if not isinstance(content, list) or len(content) > MOST:
        raise EvidenceMalformedError(f"A key history is a list of up to {MOST} successions.")
    return tuple(_read_signed(each) for each in content)


def _read_signed(content: Any) -> SignedSuccession:
    names = {"succession", *_SIGNERS}
    if not isinstance(content, dict) or set(content) != names:
        raise EvidenceMalformedError("A succession consists of its text and three signatures.")
    if not all(isinstance(each, str) for each in content.values()):
        raise EvidenceMalformedError("A succession and its signatures are texts.")
    try:
        data = content["succession"].encode()
    except UnicodeEncodeError:
        raise EvidenceMalformedError("A succession is UTF-8.") from None
    return SignedSuccession(
        _read_succession(data), content["evidence"], content["before"], content["after"]
    )


def _read_succession(data: bytes) -> Succession:
    content = read_canonical(data, "succession")
    number, texts = content.get("number"), ("space", "authority", "previous", "before", "at")
    if type(number) is not int or not all(isinstance(content.get(each), str) for each in texts):
        raise EvidenceMalformedError("The succession lacks a field.")
    ends = (content.get("cause"), content.get("until"))
    if not all(isinstance(each, str) for each in ends) or ends[0] not in set(Cause):
        raise EvidenceMalformedError("The succession has no cause or end that is known here.")
    found = Succession(
        content["space"],
        content["authority"],
        number,
        content["previous"],
        content["before"],
        read_p256(content.get("jwk"), "The succession"),
        content["at"],
        content["until"],
        Cause(content["cause"]),
    )
    if found.canonical() != data:
        raise EvidenceMalformedError("The succession has a name that does not belong.")
    try:
        moments = (parse_iso(found.at), parse_iso(found.until))
    except InvalidError:
        raise EvidenceMalformedError("The succession has a moment that is none.") from None
    if tuple(map(iso, moments)) != (found.at, found.until):
        raise EvidenceMalformedError("A succession names moments in UTC with milliseconds.")
    if moments[1] > moments[0]:
        raise EvidenceMalformedError("The key before may sign nothing after the succession.")
    return found


def check_signatures(signed: SignedSuccession, evidence_key: bytes, before: Jwk) -> None:
    """Raise SignatureInvalidError unless all three keys signed the succession."""
    data, what = signed.succession.canonical(), f"succession {signed.succession.number}"
    check_signature(evidence_key, data, signed.evidence, what)
    for jwk, signature in ((before, signed.before), (signed.succession.jwk, signed.after)):
        check_es256(Jws({"alg": "ES256"}, {}, data, signature), dict(jwk), what)


def find_longer(
    ours: tuple[SignedSuccession, ...], theirs: tuple[SignedSuccession, ...]
) -> tuple[SignedSuccession, ...]:
    """Return the longer of two histories that begin alike.

    A shorter one says nothing against ours: its bearer has not heard of the change yet.

    Raises:
        SuccessionError: they differ where both have a succession; one of them is forged, or the
            authority's keys were used by two.
    """
    for ours_, theirs_ in zip(ours, theirs, strict=False):
        if ours_.succession.sha256 != theirs_.succession.sha256:
            raise SuccessionError(
                f"Two histories of the authority's key differ at number {ours_.succession.number};"
                " ask the authority by another way which one is true, and believe neither until"
                " then.",
                code="key_history_forked",
            )
    return ours if len(ours) >= len(theirs) else theirs


def check_chain(
    space: str, authority: str, first: Jwk, evidence_key: bytes, listed: Iterable[SignedSuccession]
) -> None:
    """Raise SuccessionError or SignatureInvalidError unless a history holds from its first key."""
    previous, before, seen, last = "", first, {jwk_fingerprint(dict(first))}, ""
    for number, signed in enumerate(listed, 1):
        found = signed.succession
        if (found.space, found.authority) != (space, authority):
            raise SuccessionError("The key history is of another space.")
        follows = (found.number, found.previous, found.before)
        if follows != (number, previous, jwk_fingerprint(dict(before))) or found.at <= last:
            raise SuccessionError(
                f"Succession {number} of the authority's key does not follow the one before."
            )
        fingerprint = jwk_fingerprint(dict(found.jwk))
        if fingerprint in seen:
            raise SuccessionError(
                f"Succession {number} returns to a key that was given up.", code="key_rolled_back"
            )
        try:
            check_signatures(signed, evidence_key, before)
        except SignatureInvalidError as problem:
            raise SuccessionError(
                f"{problem.message} Whoever made it does not have the authority's keys.",
                code="key_history_forged",
            ) from None
        seen.add(fingerprint)
        previous, before, last = found.sha256, found.jwk, found.at
