"""Do all arms give the same answers, with the same statements? Asked before any of them is timed.

``operations`` reads what an arm offers, ``values`` and ``requests`` draw what to send, ``answers`` and
``statements`` compare what came back, ``check`` looks for a difference, ``text`` shows it.
"""
