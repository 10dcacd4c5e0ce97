"""Bicep as far as `infra/azure/` uses it: parsed, evaluated and checked, without Azure and without a compiler."""
