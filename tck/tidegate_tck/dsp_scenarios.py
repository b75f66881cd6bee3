"""What the DSP kit expects of a connector, test by test, as strategies and scripts.

Each test speaks about an offer, dataset or agreement of its own; the negotiation strategy or
transfer script set for it does what the test waits for. Both are the product's own data, as a
steward may set them for any offer or agreement.
"""

from collections.abc import Mapping

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.transfer.model import ScriptAct, ScriptStep, TransferScript

PAUSE_MS = 300  # the kit takes one step at a time and is not ready for the next at once
USE = {"permission": [{"action": "use"}]}  # the only terms the kit knows

Steps = Mapping[str, Act]
Script = tuple[str, ...]  # acts, each with the state to wait for where more than one allows it

PROVIDER: Mapping[str, Steps] = {
    # test -> what is done when a state is reached
    "CN_01_01": {"REQUESTED": Act.OFFER},
    "CN_01_02": {"REQUESTED": Act.OFFER, "COUNTERED": Act.REFUSE},
    "CN_01_03": {"REQUESTED": Act.OFFER, "ACCEPTED": Act.AGREE, "VERIFIED": Act.FINALIZE},
    "CN_01_04": {"REQUESTED": Act.AGREE, "VERIFIED": Act.FINALIZE},
    "CN_02_01": {"REQUESTED": Act.REFUSE},
    "CN_02_02": {"REQUESTED": Act.WAIT},
    "CN_02_03": {"REQUESTED": Act.AGREE},
    "CN_02_04": {"REQUESTED": Act.OFFER},
    "CN_02_05": {"REQUESTED": Act.OFFER, "OFFERED": Act.REFUSE},
    "CN_02_06": {"REQUESTED": Act.OFFER, "ACCEPTED": Act.REFUSE},
    "CN_02_07": {"REQUESTED": Act.AGREE, "VERIFIED": Act.REFUSE},
    "CN_03_01": {"REQUESTED": Act.AGREE, "VERIFIED": Act.FINALIZE},
    "CN_03_02": {"REQUESTED": Act.OFFER},
    "CN_03_03": {"REQUESTED": Act.OFFER, "ACCEPTED": Act.WAIT},
    "CN_03_04": {"REQUESTED": Act.OFFER, "COUNTERED": Act.WAIT},
}

CONSUMER: Mapping[str, Steps] = {
    "CN_C_01_01": {"OFFERED": Act.ACCEPT, "AGREED": Act.VERIFY},
    "CN_C_01_02": {"OFFERED": Act.COUNTER},
    "CN_C_01_03": {"OFFERED": Act.REFUSE},
    "CN_C_01_04": {"AGREED": Act.VERIFY},
    "CN_C_02_01": {"REQUESTED": Act.WAIT},
    "CN_C_02_02": {"REQUESTED": Act.REFUSE},
    "CN_C_02_03": {"AGREED": Act.REFUSE},
    "CN_C_02_04": {"OFFERED": Act.WAIT},
    "CN_C_02_05": {"OFFERED": Act.ACCEPT},
    "CN_C_02_06": {"AGREED": Act.VERIFY},
    "CN_C_03_01": {"REQUESTED": Act.WAIT},
    "CN_C_03_02": {"OFFERED": Act.WAIT},
    "CN_C_03_03": {"OFFERED": Act.WAIT},
    "CN_C_03_04": {"OFFERED": Act.ACCEPT},
    "CN_C_03_05": {"OFFERED": Act.ACCEPT},
    "CN_C_03_06": {"OFFERED": Act.ACCEPT, "AGREED": Act.WAIT},
}

TRANSFER_PROVIDER: Mapping[str, Script] = {
    # test -> what the provider does with the transfer, step by step
    "TP_01_01": ("start", "terminate"),
    "TP_01_02": ("start", "complete"),
    "TP_01_03": ("start", "suspend", "terminate"),
    "TP_01_04": ("start", "suspend", "resume", "complete"),
    "TP_01_05": ("terminate",),
    "TP_02_01": ("start",),
    "TP_02_02": ("start",),
    "TP_02_03": ("start",),
    "TP_02_04": ("start",),
    "TP_02_05": (),
    "TP_03_01": (),
    "TP_03_02": (),
    "TP_03_03": ("start",),
    "TP_03_04": ("start",),
    "TP_03_05": ("start",),
    "TP_03_06": ("start",),
}

TRANSFER_CONSUMER: Mapping[str, Script] = {
    "TP_C_01_01": (),
    "TP_C_01_02": (),
    "TP_C_01_03": (),
    "TP_C_01_04": (),
    "TP_C_01_05": (),
    "TP_C_02_01": ("terminate@STARTED",),
    "TP_C_02_02": ("complete",),
    "TP_C_02_03": ("suspend", "terminate@SUSPENDED"),
    "TP_C_02_04": ("suspend", "resume", "complete"),
    "TP_C_02_05": ("terminate",),
    "TP_C_03_01": (),
    "TP_C_03_02": (),
    "TP_C_03_03": (),
    "TP_C_03_04": (),
    "TP_C_03_05": (),
    "TP_C_03_06": (),
}

FORMAT = "HttpData-PULL"

CATALOGUE: Mapping[str, str] = {"CAT_01_01": "CAT0101", "CAT_01_02": "CAT0102"}
UNKNOWN: Mapping[str, str] = {"CAT_01_03": "CAT0103"}


def dataset_of(test: str) -> str:
    """Return the dataset a negotiation test speaks about: `CN_01_02` has ACN0102."""
    return "A" + test.replace("_", "")


def agreement_of(test: str) -> str:
    """Return the agreement a transfer test uses: `TP_01_02` has ATP0102."""
    return "A" + test.replace("_", "")


def offer_of(dataset_id: str) -> str:
    """Return the offer's id: the kit takes the dataset from between its colons."""
    return f"CD123:{dataset_id}:456"


def strategy_of(test: str, side: Side, steps: Steps, pause_ms: int = PAUSE_MS) -> Strategy:
    """Return the steps of one test as a strategy."""
    return Strategy(
        test,
        tuple(
            Reaction(
                side,
                state,
                act,
                after_ms=pause_ms,
                offer=USE if act is Act.COUNTER else None,
                reason="The scenario of this test ends here." if act is Act.REFUSE else "",
            )
            for state, act in steps.items()
        ),
    )


def script_of(test: str, script: Script, pause_ms: int = PAUSE_MS) -> TransferScript:
    """Return the steps of one transfer test as a transfer script."""
    steps = []
    for one in script:
        act, _, state = one.partition("@")
        steps.append(ScriptStep(ScriptAct(act), after_ms=pause_ms, on=state))
    return TransferScript(test, tuple(steps))


def settings() -> dict[str, str]:
    """Return which dataset, offer, agreement and format the kit uses in which test."""
    told = {f"{test}_DATASETID": one for test, one in {**CATALOGUE, **UNKNOWN}.items()}
    for test in (*PROVIDER, *CONSUMER):
        told[f"{test}_DATASETID"] = dataset_of(test)
    told |= {f"{test}_OFFERID": offer_of(dataset_of(test)) for test in PROVIDER}
    for test in (*TRANSFER_PROVIDER, *TRANSFER_CONSUMER):
        told |= {f"{test}_AGREEMENTID": agreement_of(test), f"{test}_FORMAT": FORMAT}
    return told
