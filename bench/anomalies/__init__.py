"""How well anomalies are found: on simulated sensors whose truth is known."""
