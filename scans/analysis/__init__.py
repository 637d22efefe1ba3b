"""From a scan to metrics, findings and scores: pure functions over columns.

No Notion, no database and no clock in here. The same snapshot, calibration and moment give the same bytes.
"""

from scans.analysis.engine import ENGINE_VERSION, analyse
from scans.analysis.result import Analysis, canonical_json
from scans.analysis.snapshot import Snapshot

__all__ = ["ENGINE_VERSION", "Analysis", "Snapshot", "analyse", "canonical_json"]
