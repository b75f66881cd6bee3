"""The profiles there are, by name."""

from collections.abc import Callable, Mapping

from tidegate_tck import dcp, dcp_rc6, dps, dsp
from tidegate_tck.model import Place, Profile

PROFILES: Mapping[str, Callable[[Place], Profile]] = {
    "dps": dps.profile,
    "dsp": dsp.profile,
    "dcp-credential-service": dcp.credential_service,
    "dcp-issuer": dcp.issuer,
    "dcp-verifier": dcp.verifier,
    "dcp-credential-service-rc6": dcp_rc6.corrected(dcp.credential_service),
    "dcp-issuer-rc6": dcp_rc6.corrected(dcp.issuer),
    "dcp-verifier-rc6": dcp_rc6.corrected(dcp.verifier),
}
