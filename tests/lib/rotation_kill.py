"""Kill -9 a rotation at every line from the first that writes; say what each death left.

Run as a program (`python rotation_kill.py HOME WORK`): it forks, so it must have no threads.
"""

import gc
import json
import os
import shutil
import signal
import sys
from functools import cache
from itertools import count
from pathlib import Path

from tidegate.access.model import Actor
from tidegate.connector.identity import jose
from tidegate.connector.identity.did import read_document
from tidegate.kernel.clock import SystemClock
from tidegate.keys import service
from tidegate.keys.service import staged_key_file
from tidegate.node.build import open_node
from tidegate.node.rotation import rotate_home, settle_rotation
from tidegate.settings import read_settings

FILES = ("/node/rotation.py", "/keys/service.py")


def rotate_and_die(home: Path, at: int) -> None:
    """Rotate, and die before the line with this number is run, from the first that writes."""
    seen = set()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.endswith(FILES):
            return None
        began = seen or frame.f_code.co_name == "stage_key_file"
        if event == "line" and began:
            seen.add((frame.f_code.co_filename, frame.f_lineno))
            if len(seen) == at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    rotate_home(home, "ES256", SystemClock(), by=Actor("system:cli", "cli"))


def state_of(home: Path) -> dict:
    """Start as `tidegate serve` does; say whether keys, evidence and history agree."""
    settings = read_settings(home)
    settle_rotation(settings)
    with open_node(home) as node:
        identity, kid = node.house.identity, node.keys.identity_kid
        rotations = node.house.evidence.list_leaves(limit=9, event="key.rotated")
        document = read_document(identity.did_document(), identity.node.did)
        token = jose.read(identity.token_with("did:web:other").removeprefix("Bearer "))
        jose.verify(token, jose.key_of(token, document, document.capability_invocation))
        return {
            "kid": kid,
            "recorded": [leaf.entry.why["after"] for leaf in rotations],
            "history": node.house.space.find_keys().present.kid,
            "staged": staged_key_file(settings.keys_file).exists(),
        }


def forked(act) -> int:
    """Run something in a child; return how it ended."""
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(template: Path, work: Path) -> None:
    """Print one line of JSON for every line at which the rotation was killed."""
    # Slow on purpose, and the same for the same file: the template's is stretched once for all.
    service._stretch = cache(service._stretch)
    shutil.copytree(template, work / "0")
    state_of(work / "0")  # what a start loads and compiles is loaded once, and not in every child
    gc.collect()
    gc.freeze()
    for at in count(1):
        home = work / str(at)
        shutil.copytree(template, home)
        told = work / f"{at}.json"
        ended = forked(lambda home=home, at=at: rotate_and_die(home, at))
        looked = forked(lambda home=home, told=told: told.write_text(json.dumps(state_of(home))))
        state = json.loads(told.read_text()) if looked == 0 else {}
        print(json.dumps({"at": at, "ended": ended, "looked": looked, **state}), flush=True)
        shutil.rmtree(home)
        if ended == 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
