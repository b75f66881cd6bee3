"""Refresh tokens are good once, but an answer that is lost, or a crash between, costs nothing."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from lib.ground import make_ground
from tidegate.audit.service import EvidenceService
from tidegate.connector.dataplane.model import HTTP_PULL, HTTP_TYPE, DataFlowState, PlaneAddress
from tidegate.connector.identity.model import Speaker
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import RenewalRefusedError
from tidegate.connector.signaling.flows import Change, Flows
from tidegate.connector.signaling.machine import CONTROL, Signal
from tidegate.connector.signaling.model import DataFlow, FlowRole
from tidegate.connector.signaling.renewal import Renewal
from tidegate.connector.signaling.sealing import secret_digest
from tidegate.kernel.failpoint import arm, disarm
from tidegate_tck.still import OpenHosting

CONSUMER = "did:web:consumer.example"
OTHER = "did:web:other.example"


class CrashError(Exception):
    """The process ends here."""


def crash():
    raise CrashError


class Callers:
    """Believes a header that names a DID and an access token."""

    def identify(self, authorization):
        did, _, token = (authorization or "").partition(" ")
        return Speaker(did, token)


class Plane:
    """A plane that gives a token nobody had before whenever it is asked to renew."""

    formats = frozenset({HTTP_PULL})

    def __init__(self, ids):
        self._ids = ids

    def renew(self, flow):
        properties = {"authorization": self._ids.new("tok"), "expiresIn": "300"}
        return PlaneAddress(HTTP_TYPE, f"http://localhost:9/{flow.pid}", properties)


class Provider:
    """One hosted pull at a provider, on a real journal."""

    def __init__(self, ground, plane=None):
        self.ground = ground
        self.desk = Desk(
            journal=ground.journal,
            clock=ground.clock,
            ids=ground.ids,
            did=ground.did,
            base="http://localhost:9/dps",
            wire=None,
            keys=ground.keys,
            token=lambda: ground.ids.new("ref"),
            agreements=None,
            callers=Callers(),
            inside=(plane or Plane(ground.ids),),
        )
        self.pair = ground.ids.new("tok"), ground.ids.new("ref")
        self.flow = Flows(self.desk).open(self._flow())
        self.restart()

    def _flow(self):
        access, refresh = (secret_digest(one) for one in self.pair)
        return DataFlow(
            id=self.ground.ids.new("flow"),
            role=FlowRole.HOSTED,
            plane="control:edc",
            process_id=self.ground.ids.new("process"),
            side=Side.PROVIDER,
            format=HTTP_PULL,
            profile="",
            agreement_id="agr_1",
            dataset_id="ds_1",
            version_id="ver_1",
            participant=self.ground.did,
            counterparty=CONSUMER,
            state=DataFlowState.STARTED,
            created_by="plane:edc",
            created_at="",
            changed_by="plane:edc",
            changed_at="",
            access_digest=access,
            refresh_digest=refresh,
        )

    def restart(self):
        disarm()
        self.renewal = Renewal(self.desk, OpenHosting("ver_1"))

    def renew(self, pair, did=CONSUMER):
        access, refresh = pair
        form = {"grant_type": "refresh_token", "refresh_token": refresh}
        given = self.renewal.renew(f"{did} {access}", form)
        return given.access_token, given.refresh_token

    def use(self, pair):
        self.renewal.token_used(self.flow.id, secret_digest(pair[0]))

    def refusals(self):
        evidence = EvidenceService(
            self.ground.journal, self.ground.clock, self.ground.keys, self.ground.did, None
        )
        leaves = evidence.timeline(f"dataflow:{self.flow.id}")
        return [leaf for leaf in leaves if leaf.entry.did == "signaling.renewal_refused"]


@pytest.fixture
def ground(tmp_path):
    made = make_ground(tmp_path)
    yield made
    disarm()
    made.close()


@pytest.fixture
def provider(ground):
    return Provider(ground)


def test_an_answer_that_was_lost_is_asked_for_again(provider):
    lost = provider.renew(provider.pair)

    again = provider.renew(provider.pair)

    assert len({provider.pair, lost, again}) == 3
    assert provider.renew(again) not in {provider.pair, lost, again}


@pytest.mark.parametrize("how", ["use", "renew"])
def test_the_first_use_of_either_new_token_voids_the_old_one_and_its_replay_is_recorded(
    provider, how
):
    fresh = provider.renew(provider.pair)
    getattr(provider, how)(fresh)

    with pytest.raises(RenewalRefusedError, match="used before") as refused:
        provider.renew(provider.pair)

    assert refused.value.code == "invalid_grant"
    (leaf,) = provider.refusals()
    assert leaf.entry.by == f"node:{CONSUMER}"


def test_use_of_the_old_access_token_voids_nothing(provider):
    provider.renew(provider.pair)
    provider.use(provider.pair)

    assert provider.renew(provider.pair)


def test_a_pair_whose_answer_was_lost_renews_nothing_once_another_took_its_place(provider):
    lost = provider.renew(provider.pair)
    provider.renew(provider.pair)

    with pytest.raises(RenewalRefusedError):
        provider.renew(lost)


def test_another_participant_and_another_access_token_are_refused_and_recorded(provider):
    with pytest.raises(RenewalRefusedError, match="another participant"):
        provider.renew(provider.pair, did=OTHER)
    with pytest.raises(RenewalRefusedError, match="another access token"):
        provider.renew(("else", provider.pair[1]))

    assert [leaf.entry.by for leaf in provider.refusals()] == [f"node:{OTHER}", f"node:{CONSUMER}"]


def test_the_end_of_a_flow_and_a_new_start_end_the_pairs_before(provider):
    fresh = provider.renew(provider.pair)
    flows, one = Flows(provider.desk), provider.flow
    one = replace(flows.get(one.id, FlowRole.HOSTED))
    held = flows.move(one, Signal.SUSPEND, by=CONTROL, actor="plane:edc")
    digests = secret_digest("access"), secret_digest("refresh")
    flows.move(held, Signal.RESUME, Change(digests=digests), by=CONTROL, actor="plane:edc")
    for pair in (provider.pair, fresh):
        with pytest.raises(RenewalRefusedError):
            provider.renew(pair)
    running = flows.get(one.id, FlowRole.HOSTED)
    flows.move(running, Signal.TERMINATE, by=CONTROL, actor="plane:edc")

    with pytest.raises(RenewalRefusedError):
        provider.renew(("access", "refresh"))
    assert provider.ground.journal.read(store.find_pair, secret_digest(provider.pair[1])) is None


def test_where_the_plane_has_nothing_to_renew_the_token_stays_good(ground):
    class Empty(Plane):
        def renew(self, flow):
            return None

    provider = Provider(ground, Empty(ground.ids))
    with pytest.raises(RenewalRefusedError, match="nothing to renew"):
        provider.renew(provider.pair)
    provider.desk = replace(provider.desk, inside=(Plane(ground.ids),))
    provider.restart()

    assert provider.renew(provider.pair)


def test_of_two_renewals_at_once_the_later_one_is_refused_where_the_earlier_was_used(ground):
    class Crossed(Plane):
        """While the plane answers one call, another renews and uses what it was given."""

        def renew(self, flow):
            if not crossed:
                crossed.append(flow)
                provider.use(provider.renew(provider.pair))
            return super().renew(flow)

    crossed = []
    provider = Provider(ground, Crossed(ground.ids))

    with pytest.raises(RenewalRefusedError, match="used before"):
        provider.renew(provider.pair)


class Renewing(RuleBasedStateMachine):
    """A consumer that hears some answers and not others; the twin keeps sets of pairs."""

    ground = None

    def __init__(self):
        super().__init__()
        self.provider = Provider(self.ground)
        self.held, self.before = self.provider.pair, None
        self.spent, self.replays = [], 0

    def heard(self, fresh):
        if self.before is not None:
            self.spent.append(self.before)
        self.before, self.held = self.held, fresh

    @rule()
    def renews(self):
        self.heard(self.provider.renew(self.held))

    @rule()
    def renews_and_hears_nothing(self):
        lost = self.provider.renew(self.held)
        assert lost != self.held
        if self.before is not None:
            self.spent.append(self.before)
            self.before = None

    @rule(where=st.sampled_from(["signaling.renewing", "signaling.before_commit"]))
    def dies_before_the_commit(self, where):
        arm(where, crash)
        with pytest.raises(CrashError):
            self.provider.renew(self.held)
        self.provider.restart()

    @rule()
    def dies_after_the_commit(self):
        arm("signaling.renewed", crash)
        with pytest.raises(CrashError):
            self.provider.renew(self.held)
        self.provider.restart()
        if self.before is not None:
            self.spent.append(self.before)
            self.before = None

    @rule()
    def reads(self):
        self.provider.use(self.held)
        if self.before is not None:
            self.spent.append(self.before)
            self.before = None

    @rule(data=st.data())
    def replays_an_old_pair(self, data):
        if self.spent:
            with pytest.raises(RenewalRefusedError):
                self.provider.renew(data.draw(st.sampled_from(self.spent)))
            self.replays += 1

    @invariant()
    def every_replay_is_in_evidence(self):
        assert len(self.provider.refusals()) == self.replays


def test_whatever_is_lost_the_consumer_goes_on_and_no_replay_passes(ground):
    class Here(Renewing):
        pass

    Here.ground = ground
    run_state_machine_as_test(
        Here, settings=settings(max_examples=15, stateful_step_count=12, deadline=None)
    )
