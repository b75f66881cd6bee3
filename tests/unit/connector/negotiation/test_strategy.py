"""Strategies as data: the ready-made ones hold, and wrong ones are refused in words."""

import msgspec
import pytest

from lib.dsp_nodes import countering
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.errors import StrategyInvalidError
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.negotiation.strategy import (
    PRESETS,
    check_strategy,
    read_strategy,
)

USE = {"permission": [{"action": "use"}]}


@pytest.mark.parametrize("strategy", [*PRESETS.values(), countering(USE)])
def test_the_ready_made_strategies_can_be_followed_and_survive_json(strategy):
    assert read_strategy(msgspec.json.encode(strategy)) == check_strategy(strategy)


@pytest.mark.parametrize(
    "reactions",
    [
        (Reaction(Side.CONSUMER, "REQUESTED", Act.AGREE),),
        (Reaction(Side.PROVIDER, "FINALIZED", Act.WAIT),),
        (Reaction(Side.PROVIDER, "MOON", Act.WAIT),),
        (Reaction(Side.PROVIDER, "REQUESTED", Act.OFFER, after_ms=-1),),
        (Reaction(Side.PROVIDER, "REQUESTED", Act.COUNTER, offer={"permission": []}),),
        (Reaction(Side.PROVIDER, "REQUESTED", Act.COUNTER),),
        (
            Reaction(Side.PROVIDER, "REQUESTED", Act.WAIT),
            Reaction(Side.PROVIDER, "REQUESTED", Act.ASK),
        ),
    ],
)
def test_what_cannot_be_followed_is_refused(reactions):
    with pytest.raises(StrategyInvalidError):
        check_strategy(Strategy("wrong", reactions))


@pytest.mark.parametrize("text", ["", "{}", '{"name": 1, "reactions": []}', "[]"])
def test_what_is_no_strategy_is_refused(text):
    with pytest.raises(StrategyInvalidError):
        read_strategy(text)
