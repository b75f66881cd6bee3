"""Add people, give them ways in, and say who is asking."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from tidegate.access import acting, entry_store, rules, store
from tidegate.access.errors import (
    EmailTakenError,
    LinkRefusedError,
    SessionEndedError,
    SignInRefusedError,
    TokenNotFoundError,
    TokenRefusedError,
    TooManyAttemptsError,
)
from tidegate.access.model import (
    AccessSettings,
    Actor,
    ApiToken,
    Person,
    PersonState,
    Role,
    Session,
    TotpEnrolment,
    person_ref,
    system_actor,
)
from tidegate.access.passwords import Passwords
from tidegate.access.second_factor import SecondFactor
from tidegate.audit.journal import Journal, Tx
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids, secret_token
from tidegate.keys.service import KeyRing

TOKEN_MARK = "tgp_"  # noqa: S105 - the visible start of every token, so that scanners can find leaks
_TOUCH = timedelta(seconds=60)  # a session in use is extended at most this often
_LINK_REFUSED = "This sign-in link was used already or is past its time; ask for another one."
_SIGN_IN_REFUSED = "E-mail address, password or code is wrong; try again or ask for a sign-in link."


class AccessService:
    """The people of this node and their proofs of identity. Secrets are kept only as hashes."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        keys: KeyRing,
        self_did: str,
        settings: AccessSettings | None = None,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.ids = ids
        self.self_did = self_did
        self.settings = settings or AccessSettings()
        self.passwords = Passwords(self.settings)
        self.factor = SecondFactor(keys.derive("access-second-factor"), f"Tidegate {self_did}")

    # People

    def add_person(self, name: str, email: str, roles: frozenset[Role], *, by: Actor) -> Person:
        """Add somebody; only an operator may, and the node itself for its first operator."""
        roles, email = frozenset(roles), email.strip().lower()
        rules.check_may_add_person(by, roles, self.journal.read(store.count_operators))
        rules.check_person(name, email, roles)
        self.journal.read(_check_is_free, email)
        person = Person(
            id=self.ids.new("per"),
            name=name.strip(),
            email=email,
            roles=roles,
            state=PersonState.ACTIVE,
            created_at=self._from_now(),
            created_by=by.id,
        )
        why = {"roles": tuple(sorted(role.value for role in roles))}
        with self.journal.write(
            by=by.id, did="person.added", to=f"person:{person.id}", why=why
        ) as tx:
            _check_is_free(tx.connection, email)  # again: two may add somebody at once
            store.add_person(tx.connection, person)
        return person

    def make_first_operator(self, name: str, email: str = "") -> tuple[Person, str]:
        """Make the node's first operator, with a bearer token; for `init` only."""
        host = self.self_did.rpartition(":")[2].partition("%")[0]
        init, roles = system_actor("init"), frozenset({Role.OPERATOR})
        person = self.add_person(name, email or f"operator@{host}", roles, by=init)
        return person, self.issue_token(person.id, by=init, label="made at init")

    def get_person(self, person_id: str) -> Person:
        """Return the person; raise PersonNotFoundError."""
        return self.journal.read(store.get_person, person_id)

    def find_person(self, person_id: str) -> Person | None:
        """Return the person, or None."""
        return self.journal.read(store.find_person, person_id)

    def find_by_email(self, email: str) -> Person | None:
        """Return the person with that e-mail address, or None."""
        return self.journal.read(store.find_by_email, email.strip().lower())

    def actor_of(self, who: str) -> Actor:
        """Say as whom somebody named by id or e-mail acts, unless disabled or unknown."""
        return acting.actor_from(self.journal.read(acting.get_named, who))

    def first_operator(self) -> Actor:
        """Say as whom the console acts when it names nobody."""
        return acting.first_operator(self.list_people())

    def list_people(self) -> tuple[Person, ...]:
        """Return everybody, in the order they were added."""
        return self.journal.read(store.list_people)

    def ref_of(self, person_id: str) -> str:
        """Name a person of this node so that other nodes understand it."""
        return person_ref(self.self_did, person_id)

    def change_roles(self, person_id: str, roles: frozenset[Role], *, by: Actor) -> Person:
        """Give a person another set of roles; the next request of theirs already has them."""
        person, roles = self.get_person(person_id), frozenset(roles)
        others = self.journal.read(store.count_operators, person_id)
        rules.check_may_change_roles(by, person, roles, others)
        rules.check_person(person.name, person.email, roles)
        why = {"roles": tuple(sorted(role.value for role in roles))}
        with self.journal.write(
            by=by.id, did="person.roles_changed", to=f"person:{person_id}", why=why
        ) as tx:
            others = store.count_operators(tx.connection, person_id)  # two may demote each other
            rules.check_may_change_roles(by, person, roles, others)
            store.set_roles(tx.connection, person_id, roles)
        return replace(person, roles=roles)

    def disable_person(self, person_id: str, reason: str, *, by: Actor) -> Person:
        """Shut a person out at once: sessions, tokens and unused links end in the same write."""
        rules.check_reason(reason)
        person = self.get_person(person_id)
        rules.check_may_disable(by, person, self.journal.read(store.count_operators, person_id))
        with self.journal.write(
            by=by.id, did="person.disabled", to=f"person:{person_id}", why={"reason": reason}
        ) as tx:
            rules.check_may_disable(by, person, store.count_operators(tx.connection, person_id))
            store.disable_person(tx.connection, person_id, tx.at, by.id)
            tx.announce("person.disabled", person=person_id, ref=self.ref_of(person_id))
        return replace(person, state=PersonState.DISABLED)

    # One-time links and bearer tokens

    def issue_link(self, person_id: str, *, by: Actor, minutes: int | None = None) -> str:
        """Return the secret of a sign-in link that works once, for half an hour unless told."""
        rules.check_may_help_in(by, self.get_person(person_id))
        rules.check_term(minutes, self.settings.most_link_minutes, "minutes")
        secret = secret_token()
        until = self._from_now(minutes=minutes or self.settings.link_minutes)
        with self.journal.write(
            by=by.id, did="person.link_issued", to=f"person:{person_id}", why={"until": until}
        ) as tx:
            store.add_link(tx.connection, _hash(secret), person_id, at=tx.at, by=by.id, until=until)
        return secret

    def redeem_link(self, token: str) -> Session:
        """Sign in by a one-time link; raise LinkRefusedError when it is unknown, used or late."""
        secret_hash = _hash(token)
        person_id = self.journal.read(store.find_link_person, secret_hash)
        person = None if person_id is None else self.find_person(person_id)
        if person is None:
            raise LinkRefusedError(_LINK_REFUSED)
        acting.actor_from(person)
        with self._signing_in(person, "link") as (tx, session):
            if not store.use_link(tx.connection, secret_hash, tx.at):
                raise LinkRefusedError(_LINK_REFUSED)
            self._keep(tx, session)
        return session

    def issue_token(
        self, person_id: str, *, by: Actor, label: str = "", days: int | None = None
    ) -> str:
        """Return the secret of a new bearer token; it is shown this once."""
        rules.check_may_help_in(by, self.get_person(person_id))
        rules.check_term(days, self.settings.most_token_days, "days")
        secret = TOKEN_MARK + secret_token()
        token = ApiToken(
            id=self.ids.new("tok"),
            person_id=person_id,
            label=label[: rules.LONGEST_TEXT],
            created_at=self._from_now(),
            expires_at=self._from_now(days=days or self.settings.token_days),
            revoked_at=None,
        )
        why = {"token": token.id, "until": token.expires_at}
        with self.journal.write(
            by=by.id, did="person.token_issued", to=f"person:{person_id}", why=why
        ) as tx:
            entry_store.add_token(tx.connection, token, _hash(secret), by.id)
        return secret

    def list_tokens(self, person_id: str, *, by: Actor) -> tuple[ApiToken, ...]:
        """Return a person's tokens, without their secrets."""
        rules.check_may_help_in(by, self.get_person(person_id))
        return self.journal.read(entry_store.list_tokens, person_id)

    def revoke_token(self, token_id: str, *, by: Actor) -> None:
        """End a bearer token at once."""
        token = self.journal.read(entry_store.find_token_by_id, token_id)
        if token is None:
            raise TokenNotFoundError("No token of this node has that id.", token=token_id)
        rules.check_may_help_in(by, self.get_person(token.person_id))
        why = {"token": token_id}
        with self.journal.write(
            by=by.id, did="person.token_revoked", to=f"person:{token.person_id}", why=why
        ) as tx:
            entry_store.revoke_token(tx.connection, token_id, tx.at, by.id)

    def actor_for_token(self, token: str) -> Actor:
        """Say who is behind a bearer token; raise TokenRefusedError."""
        with self.journal.reading() as conn:
            kept = entry_store.find_token(conn, _hash(token))
            person = None if kept is None else store.find_person(conn, kept.person_id)
        dead = kept is None or kept.revoked_at or kept.expires_at <= self._from_now()
        if dead or person is None:
            raise TokenRefusedError(
                "This token is unknown, revoked or past its time; issue another one."
            )
        return acting.actor_from(person)

    # Password and second factor

    def set_password(self, person_id: str, password: str, *, by: Actor) -> None:
        """Set one's own password; every session of the person ends."""
        person = self.get_person(person_id)
        rules.check_is_self(by, person)
        rules.check_password(password, person)
        hashed = self.passwords.hash(password)
        with self.journal.write(
            by=by.id, did="person.password_set", to=f"person:{person_id}"
        ) as tx:
            credential = store.get_credential(tx.connection, person_id)
            store.save_credential(
                tx.connection, person_id, replace(credential, password_hash=hashed)
            )
            entry_store.end_sessions(tx.connection, person_id)

    def enrol_totp(self, person_id: str, *, by: Actor) -> TotpEnrolment:
        """Begin a second factor; it counts only once `confirm_totp` saw a code of it."""
        person = self.get_person(person_id)
        rules.check_is_self(by, person)
        secret = self.factor.new_secret()
        sealed = self.factor.seal(secret, person_id)
        with self.journal.write(
            by=by.id, did="person.totp_enrolled", to=f"person:{person_id}"
        ) as tx:
            credential = store.get_credential(tx.connection, person_id)
            changed = replace(credential, totp_sealed=sealed, totp_confirmed=False)
            store.save_credential(tx.connection, person_id, changed)
        return TotpEnrolment(secret=secret, address=self.factor.address(secret, person.email))

    def confirm_totp(self, person_id: str, code: str, *, by: Actor) -> None:
        """Finish a second factor with the first code the authenticator shows."""
        rules.check_is_self(by, self.get_person(person_id))
        self._check_throttle(f"person:{person_id}")
        credential = self.journal.read(store.get_credential, person_id)
        step = self._step(credential, person_id, code)
        if step is None:
            self._count_failure(f"person:{person_id}")
            raise SignInRefusedError(
                "That code is not the present one; wait for the next and retry."
            )
        with self.journal.write(
            by=by.id, did="person.totp_confirmed", to=f"person:{person_id}"
        ) as tx:
            current = store.get_credential(tx.connection, person_id)
            if current.totp_sealed != credential.totp_sealed:
                raise SignInRefusedError("The second factor was begun anew; confirm that one.")
            entry_store.use_step(tx.connection, person_id, step)
            store.save_credential(tx.connection, person_id, replace(current, totp_confirmed=True))

    def sign_in(self, email: str, password: str, totp: str) -> Session:
        """Sign in by password and second factor; the refusal never says which was wrong."""
        email = email.strip().lower()
        target = f"email:{_hash(email)}"
        self._check_throttle(target)
        person = self.find_by_email(email)
        credential = self.journal.read(store.get_credential, person.id if person else "")
        right = self.passwords.matches(credential.password_hash, password)
        self._check_throttle(target)  # others may have guessed while this one was judged
        step = None
        if person and right and credential.totp_confirmed and person.state is PersonState.ACTIVE:
            step = self._step(credential, person.id, totp)
        if person is None or step is None:
            self._count_failure(target)
            if person is not None:
                self._note_refusal(person, "wrong_proof")
            raise SignInRefusedError(_SIGN_IN_REFUSED)
        with self._signing_in(person, "password") as (tx, session):
            if store.get_credential(tx.connection, person.id) != credential:
                raise SignInRefusedError(_SIGN_IN_REFUSED)  # another was set just now
            if not entry_store.use_step(tx.connection, person.id, step):
                raise SignInRefusedError("That code was used already; wait for the next one.")
            entry_store.clear_failures(tx.connection, target)
            self._keep(tx, session)
        return session

    # Sessions

    def actor_for_session(self, cookie: str) -> Actor:
        """Say who is behind a cookie and keep the session awake; raise SessionEndedError."""
        now = self._from_now()
        with self.journal.reading() as conn:
            session = entry_store.find_session(conn, _hash(cookie))
            person = None if session is None else store.find_person(conn, session.person_id)
        if session is None or person is None or min(session.idle_until, session.expires_at) <= now:
            raise SessionEndedError("Your session has ended; sign in again.")
        actor = acting.actor_from(person)
        until = self._from_now(minutes=self.settings.idle_minutes)
        if parse_iso(session.idle_until) + _TOUCH <= parse_iso(until):
            with self.journal.upkeep() as tx:
                entry_store.extend_session(tx.connection, session.id, until)
        return actor

    def sign_out(self, cookie: str) -> None:
        """End the session behind a cookie."""
        session = self.journal.read(entry_store.find_session, _hash(cookie))
        if session is None:
            raise SessionEndedError("Your session has ended already.")
        actor = f"person:{session.person_id}"
        with self.journal.write(by=actor, did="person.signed_out", to=actor) as tx:
            entry_store.end_session(tx.connection, session.id)

    def prune(self) -> int:
        """Forget sessions and counts past their time; return how many."""
        window = self._from_now(minutes=-self.settings.lock_minutes)
        with self.journal.upkeep() as tx:
            return entry_store.prune(tx.connection, tx.at, window)

    # What the above share

    @contextmanager
    def _signing_in(self, person: Person, way: str) -> Iterator[tuple[Tx, Session]]:
        now = self.clock.now()
        session = Session(
            id=self.ids.new("ses"),
            token=secret_token(),
            person_id=person.id,
            created_at=iso(now),
            idle_until=self._from_now(minutes=self.settings.idle_minutes),
            expires_at=self._from_now(minutes=60 * self.settings.session_hours),
        )
        actor = f"person:{person.id}"
        with self.journal.write(by=actor, did="person.signed_in", to=actor, why={"way": way}) as tx:
            yield tx, session

    def _keep(self, tx: Tx, session: Session) -> None:
        entry_store.add_session(tx.connection, session, _hash(session.token))

    def _step(self, credential: store.Credential, person_id: str, code: str) -> int | None:
        if credential.totp_sealed is None:
            return None
        return self.factor.step_of(credential.totp_sealed, person_id, code, self.clock.now())

    def _check_throttle(self, target: str) -> None:
        failures, since = self.journal.read(entry_store.find_failures, target)
        window = self._from_now(minutes=-self.settings.lock_minutes)
        if failures >= self.settings.free_failures and since > window:
            raise TooManyAttemptsError(
                f"Too many wrong guesses; wait {self.settings.lock_minutes} minutes, or ask an"
                " operator for a sign-in link."
            )

    def _count_failure(self, target: str) -> None:
        window = self._from_now(minutes=-self.settings.lock_minutes)
        with self.journal.upkeep() as tx:
            entry_store.count_failure(tx.connection, target, tx.at, window)

    def _note_refusal(self, person: Person, reason: str) -> None:
        self.journal.note(
            by=f"person:{person.id}",
            did="person.sign_in_refused",
            to=f"person:{person.id}",
            why={"reason": reason},
        )

    def _from_now(self, *, minutes: int = 0, days: int = 0) -> str:
        return iso(self.clock.now() + timedelta(minutes=minutes, days=days))


def _check_is_free(conn: Connection, email: str) -> None:
    if store.find_by_email(conn, email) is not None:
        raise EmailTakenError("Somebody at this node has that e-mail address already.")


def _hash(secret: str) -> str:
    """Hash a random secret for keeping; it has 256 bits, so no slow hash is needed."""
    return sha256_hex(secret.encode())
