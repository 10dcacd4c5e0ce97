"""Sensors to try things with: the simulator that writes what real sensors write."""
