"""Failpoints do nothing until a test arms them."""

import pytest

from tidegate.kernel.failpoint import arm, disarm, failpoint, is_armed


def test_an_unarmed_failpoint_does_nothing():
    failpoint("anywhere")

    assert not is_armed()


def test_an_armed_failpoint_acts_and_can_be_disarmed():
    def stop():
        raise KeyboardInterrupt

    arm("here", stop)
    with pytest.raises(KeyboardInterrupt):
        failpoint("here")
    failpoint("elsewhere")
    disarm()
    failpoint("here")
