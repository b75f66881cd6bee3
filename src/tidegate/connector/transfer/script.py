"""Transfer scripts as data: the ready-made ones, which act is due, and whether one can be followed.

A script is a row of acts of this node's own side. The next act is due as soon as the transfer is
in a state it can follow; what the peer does meanwhile is taken as it comes, and an act that can
never follow any more is simply not reached.
"""

from tidegate.access.model import system_actor
from tidegate.connector.transfer.errors import ScriptInvalidError
from tidegate.connector.transfer.machine import FINAL, may_step
from tidegate.connector.transfer.model import (
    ScriptAct,
    ScriptStep,
    Step,
    Transfer,
    TransferScript,
    TransferState,
)

FOLLOWER = "transfer.script"
"""What a script acts as, in evidence and in holds."""

LONGEST_PAUSE_MS = 3_600_000
MOST_STEPS = 32

AUTOMATIC = TransferScript("automatic", (ScriptStep(ScriptAct.START),))
WAIT = TransferScript("wait")
ONCE = TransferScript(
    "once", (ScriptStep(ScriptAct.START), ScriptStep(ScriptAct.COMPLETE, after_ms=1000))
)
REFUSE = TransferScript(
    "refuse",
    (ScriptStep(ScriptAct.TERMINATE, code="refused", reason="Nothing is transferred here now."),),
)

PRESETS = {one.name: one for one in (AUTOMATIC, WAIT, ONCE, REFUSE)}

_STEPS = {
    ScriptAct.START: Step.START,
    ScriptAct.SUSPEND: Step.SUSPEND,
    ScriptAct.RESUME: Step.START,
    ScriptAct.COMPLETE: Step.COMPLETE,
    ScriptAct.TERMINATE: Step.TERMINATE,
}
_FOLLOWS = {
    ScriptAct.START: {TransferState.REQUESTED},
    ScriptAct.SUSPEND: {TransferState.STARTED},
    ScriptAct.RESUME: {TransferState.SUSPENDED},
    ScriptAct.COMPLETE: {TransferState.STARTED},
    ScriptAct.TERMINATE: {
        TransferState.REQUESTED,
        TransferState.STARTED,
        TransferState.SUSPENDED,
    },
}


def step_of(act: ScriptAct) -> Step:
    """Return the protocol's step an act takes."""
    return _STEPS[act]


def next_step(script: TransferScript, one: Transfer) -> ScriptStep | None:
    """Return the act that is due for a transfer as it stands, or None.

    A script lets go on what it held itself; what somebody else held is not its own to resume.
    """
    step = _following(script, one)
    if step is not None and step.act is ScriptAct.RESUME and not is_held_by_script(one):
        return None
    return step


def _following(script: TransferScript, one: Transfer) -> ScriptStep | None:
    if one.scripted >= len(script.steps) or one.state in FINAL:
        return None
    step = script.steps[one.scripted]
    waits_for = {TransferState(step.on)} if step.on else _FOLLOWS[step.act]
    if one.state not in waits_for or not may_step(one.state, step_of(step.act), by=one.side):
        return None
    return step


def is_held_by_script(one: Transfer) -> bool:
    """Tell whether a transfer is held by a script of this side, and by nobody else."""
    script = system_actor(FOLLOWER).id
    is_held = one.state is TransferState.SUSPENDED and one.held == one.side.value
    return is_held and one.held_by == script


def counts_as(script: TransferScript, one: Transfer, step: Step) -> bool:
    """Tell whether taking `step` now is the script's next act, whoever takes it."""
    due = _following(script, one)
    return due is not None and step_of(due.act) is step


def check_script(script: TransferScript) -> TransferScript:
    """Return the script; raise ScriptInvalidError where an act could never follow."""
    if not script.name or len(script.name) > 100 or len(script.steps) > MOST_STEPS:
        raise ScriptInvalidError(
            f"A script has a name of at most 100 characters and at most {MOST_STEPS} steps."
        )
    for number, step in enumerate(script.steps, 1):
        if not 0 <= step.after_ms <= LONGEST_PAUSE_MS:
            raise ScriptInvalidError(f"The pause of step {number} must be between 0 and an hour.")
        allowed = {state.value for state in _FOLLOWS[step.act]}
        if step.on and step.on not in allowed:
            raise ScriptInvalidError(
                f"Step {number} ({step.act}) can follow {', '.join(sorted(allowed))} only."
            )
        if step.act is ScriptAct.TERMINATE and number != len(script.steps):
            raise ScriptInvalidError("Nothing can follow a termination.")
    return script
