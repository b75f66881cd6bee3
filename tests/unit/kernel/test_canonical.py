"""Canonical JSON is one byte sequence for one value."""

import json

import pytest

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.errors import InvalidError


def test_names_are_sorted_by_utf16_code_units_as_in_rfc_8785():
    # RFC 8785 §3.2.3's own example, without its comments
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    expected = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]

    found = list(json.loads(canonical_json(dict.fromkeys(names, 0))))

    assert expected == found


def test_text_is_escaped_as_ecmascript_does():
    assert canonical_json('\u000f\n"\\/€') == b'"\\u000f\\n\\"\\\\/\xe2\x82\xac"'


@pytest.mark.parametrize(
    "value", [1.5, 2**53, -(2**53), {1: "a"}, {"a": object()}, "\ud800", b"bytes"]
)
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(InvalidError):
        canonical_json(value)


def test_a_hash_is_lower_case_hexadecimal():
    assert sha256_hex(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
