"""The profiles there are, by name."""

from collections.abc import Callable, Mapping

from tidegate_tck import dps, dsp
from tidegate_tck.model import Place, Profile

PROFILES: Mapping[str, Callable[[Place], Profile]] = {
    "dps": dps.profile,
    "dsp": dsp.profile,
}
