"""Driving a run: trials, turns, servers and readings. Decides nothing about figures."""
