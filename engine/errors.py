"""The error tree. A leaf knows its HTTP status; OCPP codes are named per version in `engine.ocpp.rpc`.

    VoltrioError
    ├── SettingsError           a setting is unknown, malformed or dangerous         (CLI exit 2)
    ├── StoreError              the database refused or could not be reached
    │   ├── DatabaseAway        there is no database to speak to, for now; the store itself says so in the log
    │   ├── SchemaError         the schema is newer than this program, or a migration was changed
    │   └── ChangeRefused       the database refused one charger's change (a constraint); others went through
    │       └── Superseded      that charger has a newer connection, at another node
    ├── OutsideError            a service outside (a CA, a responder) did not help    502
    ├── NotFound                the thing named does not exist                       404
    ├── Conflict                the thing named exists already, or its state forbids 409
    ├── Invalid                 the caller's data breaks a rule                      422 (manage: 400)
    ├── NotSupported            the charge point, or its OCPP version, has no such thing 501
    └── CallError               a command to a charge point did not get its answer
        ├── Offline             no connection                                        424
        ├── CallTimeout         no answer before the deadline                        408
        ├── CallRefused         the charge point answered CALLERROR                  406
        ├── CallDropped         the connection ended or was taken over meanwhile     424
        └── QueueFull           too many commands wait for this charge point         429

What a *peer* does wrong on the wire (malformed frames, schema violations) is not an exception of this tree:
it is data (`engine.ocpp.rpc`), because answering it is ordinary work.
"""

from __future__ import annotations

from typing import Any, ClassVar


class VoltrioError(Exception):
    """Base of all errors that this program raises on purpose; the message says what to do."""

    http_status: ClassVar[int] = 500


class SettingsError(VoltrioError):
    """A setting is unknown, malformed, or would be unsafe."""


class StoreError(VoltrioError):
    """The database refused or could not be reached."""

    http_status = 503


class DatabaseAway(StoreError):
    """There is no database to speak to, for now. The store logs it once; nobody else has to."""


class SchemaError(StoreError):
    """The database schema does not fit this program."""


class ChangeRefused(StoreError):
    """The database refused this change alone; the rest of its batch was committed."""

    http_status = 500


class Superseded(ChangeRefused):
    """The charger whose change this is has a newer connection at another node."""


class OutsideError(VoltrioError):
    """A service outside could not be reached, refused, or answered what makes no sense."""

    http_status = 502


class NotFound(VoltrioError):
    """The thing named does not exist."""

    http_status = 404


class Conflict(VoltrioError):
    """The thing named exists already, or its state forbids it; `fields` may say what there is."""

    http_status = 409

    def __init__(self, message: str, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Invalid(VoltrioError):
    """The caller's data breaks a rule; `fields` says which ones."""

    http_status = 422

    def __init__(self, message: str, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class NotSupported(VoltrioError):
    """The charge point has no such operation: its OCPP version has no words for it, or it said so itself."""

    http_status = 501


class CallError(VoltrioError):
    """A command to a charge point did not get its answer."""


class Offline(CallError):
    """The charge point has no connection."""

    http_status = 424


class CallTimeout(CallError):
    """The charge point did not answer before the deadline."""

    http_status = 408


class CallDropped(CallError):
    """The connection ended, or a newer one took over, before the answer came."""

    http_status = 424


class QueueFull(CallError):
    """Too many commands already wait for this charge point."""

    http_status = 429


class CallRefused(CallError):
    """The charge point answered with a CALLERROR: its code, description and details, verbatim."""

    http_status = 406

    def __init__(self, code: str, description: str, details: dict[str, Any]) -> None:
        said = f"{code}: {description}" if description else code
        super().__init__(said or "CALLERROR without a word")
        self.code = code
        self.description = description
        self.details = details
