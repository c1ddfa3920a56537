"""The command line: one file a command, with its arguments, its story and what it prints; `app` lists them.

Of the process that a user starts, only this room prints or exits, and `gainbench/__main__.py`, which tells of
an interruption. Programs that gainbench starts or becomes (a load generator, the supervisor, the filling of a
database, the clean-up) speak and exit for themselves.
"""
