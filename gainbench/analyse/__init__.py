"""From the record to figures. Pure: no process, no clock, no disk."""
