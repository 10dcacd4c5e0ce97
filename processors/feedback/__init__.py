"""What people say of alarms, and the thresholds that would follow from it."""
