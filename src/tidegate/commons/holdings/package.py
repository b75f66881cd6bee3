"""The archival package of a version: a manifest of what it is made of (after OAIS, ISO 14721).

The manifest names every object with its size and hashes, the provenance and the codebook's digest;
it says nothing about a person, and is encrypted beside the objects as they are.
"""

import msgspec

from tidegate.catalogue.model import VersionRecord
from tidegate.commons.model import Holding
from tidegate.commons.vault.model import StoredObject
from tidegate.commons.vault.service import Vault
from tidegate.kernel.canonical import canonical_json, sha256_hex

MEDIA_TYPE = "application/vnd.tidegate.archive-manifest+json"


def manifest(holding: Holding, record: VersionRecord, *, archived_at: str) -> bytes:
    """Return the manifest of a version as canonical JSON."""
    codebook = canonical_json(msgspec.json.decode(msgspec.json.encode(record.codebook)))
    return canonical_json(
        {
            "package": "AIP",
            "version": holding.version_id,
            "dataset": holding.dataset_id,
            "number": record.number,
            "archived_at": archived_at,
            "retain_until": holding.retain_until,
            "codebook_sha256": sha256_hex(codebook),
            "received": [
                {"name": file.name, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
                for file in record.files
            ],
            "objects": [
                {
                    "path": table.stored.path,
                    "table": table.table,
                    "rows": table.rows,
                    "media_type": "application/vnd.apache.parquet",
                    "bytes": table.stored.size,
                    "encrypted_bytes": table.stored.cipher_size,
                    "encrypted_sha256": table.stored.cipher_sha256,
                }
                for table in holding.tables
            ],
        }
    )


def write(vault: Vault, version_id: str, content: bytes) -> StoredObject:
    """Keep the manifest encrypted under the version's key."""
    name = sha256_hex(content)[:26]
    with vault.writing(f"{version_id}/aip_{name}", version_id) as deposit:
        deposit.file.write(content)
    return deposit.stored
