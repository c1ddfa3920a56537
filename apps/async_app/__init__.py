"""The app; ``diff -r`` this folder with its twin beside it."""
