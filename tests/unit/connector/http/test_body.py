"""Reading JSON that a stranger wrote."""

import json

import pytest

from tidegate.connector.errors import MessageInvalidError
from tidegate.connector.http.body import MAX_DEPTH, read_json


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 100_000])
def test_deep_nesting_is_refused_at_once(depth):
    with pytest.raises(MessageInvalidError) as refusal:
        read_json(b"[" * depth + b"]" * depth)

    assert "json_too_deep" == refusal.value.code


def test_the_deepest_allowed_nesting_is_read():
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


def test_brackets_inside_texts_do_not_count():
    text = "[{" * 500 + '"\\'

    assert [text] == read_json(json.dumps([text]).encode())


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff", b"[1,]", b"1e999", b"-1e999", b"9" * 41],
)
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(MessageInvalidError) as refusal:
        read_json(raw)

    assert "json_invalid" == refusal.value.code


def test_only_utf_8_is_read_without_a_mark_before_it():
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"):
        with pytest.raises(MessageInvalidError):
            read_json('{"a": 1}'.encode(encoding))


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\uDFFF": 1}', '["a", {"b": "x\\udabcy"}]'])
def test_half_a_character_is_refused_and_a_whole_one_read(text):
    with pytest.raises(MessageInvalidError):
        read_json(text.encode())

    assert "\U0001f600" == read_json(b'"\\ud83d\\ude00"')
