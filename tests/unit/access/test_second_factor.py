"""Authenticator codes against the vectors of RFC 6238, and secrets that open for one person."""

import base64
from datetime import UTC, datetime

import pytest

from tidegate.access.second_factor import SecondFactor
from tidegate.kernel.errors import CorruptError

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.fixture
def factor():
    return SecondFactor(bytes(32), "Tidegate")


# RFC 6238 appendix B (SHA-1), the last six of the eight digits.
@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_codes_are_those_of_the_standard(factor, seconds, code):
    sealed = factor.seal(SECRET, "per_ada")

    at = datetime.fromtimestamp(seconds, UTC)

    assert seconds // 30 == factor.step_of(sealed, "per_ada", code, at)


def test_a_secret_opens_for_its_person_only(factor):
    sealed = factor.seal(SECRET, "per_ada")

    with pytest.raises(CorruptError):
        factor.step_of(sealed, "per_eve", "000000", datetime.fromtimestamp(59, UTC))


def test_a_secret_opens_with_its_key_only(factor):
    sealed = factor.seal(SECRET, "per_ada")

    with pytest.raises(CorruptError):
        SecondFactor(bytes([1]) * 32, "Tidegate").step_of(
            sealed, "per_ada", "000000", datetime.fromtimestamp(59, UTC)
        )


def test_a_sealed_secret_shows_nothing(factor):
    assert SECRET not in factor.seal(SECRET, "per_ada")
    assert factor.seal(SECRET, "per_ada") != factor.seal(SECRET, "per_ada")


def test_a_code_in_other_letters_is_just_wrong(factor):
    sealed = factor.seal(SECRET, "per_ada")

    at = datetime.fromtimestamp(59, UTC)

    assert factor.step_of(sealed, "per_ada", "２８７０８２", at) is None


def test_the_address_names_the_person_and_the_node(factor):
    address = factor.address(SECRET, "ada@example.org")

    assert address.startswith("otpauth://totp/Tidegate:ada%40example.org?secret=")
