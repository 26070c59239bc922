"""What handlers want written: one frozen Struct per kind of row change. `engine.store` knows the SQL of each.

A change carries absolute values, never increments, so writing it twice is writing it once. In which order the
journal writes is said by `engine.store.statements`.

Members are named after their columns. Columns that only the engine writes are declared by them, and
`engine.store.tables` takes them from here.
"""

# ruff: noqa: F403 - whoever needs a change finds it here, whatever its area
from engine.domain.changes.base import *
from engine.domain.changes.device import *
from engine.domain.changes.drivers import *
from engine.domain.changes.energy import *
from engine.domain.changes.logs import *
from engine.domain.changes.sessions import *
from engine.domain.changes.stations import *
