"""A strict Azure Cosmos DB for tests: a proxy before the emulator that enforces, charges, throttles and fails."""

from __future__ import annotations

from tests.harness.strict import faults
from tests.harness.strict.exchange import Exchange
from tests.harness.strict.faults import Answer, Fault, Plan
from tests.harness.strict.server import StrictCosmos

__all__ = ["Answer", "Exchange", "Fault", "Plan", "StrictCosmos", "faults"]
