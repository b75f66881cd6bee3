"""The Dataspace Protocol between two nodes over real HTTP on loopback."""

import httpx
import pytest

from lib.dsp_live import live_pair, wait_for
from lib.dsp_nodes import RESEARCHER
from tidegate.access.model import person_ref
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire import ContractNegotiationError, TransferError
from tidegate.connector.messages.wire_catalog import CatalogError, VersionResponse


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    with live_pair(tmp_path_factory.mktemp("live")) as nodes:
        yield nodes


def test_harvest_negotiation_and_visit_run_over_the_wire(pair):
    hospital, faculty = pair
    hospital.publish()
    faculty.joins(hospital)

    (report,) = faculty.harvest.harvest(by=RESEARCHER)
    pid = faculty.negotiation.request(hospital.did, "ds_1", by=RESEARCHER).pid
    wait_for(lambda: faculty.negotiation.get(pid).state.value == "FINALIZED")
    agreement = faculty.negotiation.get(pid).agreement_id
    address = faculty.transfer.open_visit(agreement, by=RESEARCHER)

    assert report.datasets == 1
    visit = hospital.transfer.visit_for_token(address.token)
    assert visit.person_ref == person_ref(faculty.did, RESEARCHER.person_id)
    assert address.endpoint.startswith(hospital.base + "/visit/")


def test_the_version_document_needs_no_token(pair):
    answer = httpx.get(f"{pair[0].base}/.well-known/dspace-version")

    check(answer.json(), VersionResponse)


def test_without_a_token_every_endpoint_answers_401_with_its_typed_error(pair):
    base = f"{pair[0].base}/dsp/2025-1"
    catalogue = httpx.post(f"{base}/catalog/request", json={})
    negotiation = httpx.get(f"{base}/negotiations/urn:uuid:1")
    transfer = httpx.post(f"{base}/transfers/urn:uuid:1/start", json={"consumerPid": "c"})

    assert {catalogue.status_code, negotiation.status_code, transfer.status_code} == {401}
    check(catalogue.json(), CatalogError)
    check(negotiation.json(), ContractNegotiationError)
    assert check(transfer.json(), TransferError).message.consumer_pid == "c"


def test_an_unknown_pid_is_404_and_an_oversized_body_413(pair):
    hospital, faculty = pair
    headers = {"authorization": faculty.identity.token_for(hospital.did)}
    base = f"{hospital.base}/dsp/2025-1"

    unknown = httpx.get(f"{base}/negotiations/urn:uuid:1", headers=headers)
    large = httpx.post(f"{base}/negotiations/request", content=b"x" * 2_000_000, headers=headers)

    assert (unknown.status_code, large.status_code) == (404, 413)
    check(unknown.json(), ContractNegotiationError)
