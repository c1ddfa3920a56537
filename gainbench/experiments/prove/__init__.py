"""The harness tries itself against truths that are known before it measures.

``truths.py`` is the table, one entry a case; ``servers.py`` and ``loads.py`` are what is measured;
``judge.py`` holds a truth against what the harness said; ``prove.py`` does one after the other.
"""
