"""The local network: a real Bacalhau orchestrator and nodes, a registry and a Cosmos emulator on this machine."""
