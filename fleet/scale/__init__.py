"""Throughput of an account's database and containers, seen and set by the control plane."""

from fleet.scale.account import SCOPE, Place, Scaler, open_scaler
from fleet.scale.throughput import Change, Throughput, change

__all__ = ["SCOPE", "Change", "Place", "Scaler", "Throughput", "change", "open_scaler"]
