"""What a node measures, as Prometheus reads it."""

from prometheus_client.parser import text_string_to_metric_families

from tidegate.api.meters import Meters


def samples(meters: Meters) -> dict[tuple[str, str], float]:
    content, form = meters.exposition({"waiting": 3}, 41)
    assert form.startswith("text/plain")
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def test_requests_are_counted_by_door_and_status_class():
    meters = Meters()
    for status in (200, 201, 404):
        meters.observe("api", status, 0.002)
    found = samples(meters)
    assert found["tidegate_requests_total", "api,2xx"] == 2
    assert found["tidegate_requests_total", "api,4xx"] == 1


def test_times_fall_into_buckets_that_hold_all_shorter_ones():
    meters = Meters()
    for seconds in (0.001, 0.002, 0.2, 60.0):
        meters.observe("dsp", 200, seconds)
    found = samples(meters)
    below = {
        end: found["tidegate_request_seconds_bucket", f"dsp,{end}"]
        for end in ("0.001", "0.003", "0.3", "10.0", "+Inf")
    }
    assert below == {"0.001": 1, "0.003": 2, "0.3": 3, "10.0": 3, "+Inf": 4}
    assert found["tidegate_request_seconds_count", "dsp"] == 4
    assert found["tidegate_request_seconds_sum", "dsp"] == 60.203


def test_what_stands_is_told_beside_what_happened():
    found = samples(Meters())
    assert found["tidegate_tasks", "waiting"] == 3
    assert found["tidegate_evidence_leaves", ""] == 41
    assert found["tidegate_resident_bytes", ""] > 1_000_000
