"""The words of our data and of our APIs, one table per kind. No OCPP version's words stand here.

How each version says them is in `engine.ocpp.vocabulary`. A word is the Public API's; where that API runs the
parts of an OCPP word together, ours stand apart and `public` is the API's spelling.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class _Spelt(StrEnum):
    """A word that the Public API may write in another way: `public`."""

    public: str

    def __new__(cls, value: str, public: str | None = None) -> Self:
        word = str.__new__(cls, value)
        word._value_ = value
        word.public = value if public is None else public
        return word


class SessionReason(_Spelt):
    """Why a session ended, or never began. What the Public API has no word for is `other` there."""

    # The charger's: why it ended the transaction.
    DEAUTHORIZED = "deauthorized"
    EMERGENCY_STOP = "emergency_stop", "emergencystop"
    ENERGY_LIMIT_REACHED = "energy_limit_reached", "energylimitreached"
    ENERGY_TRANSFER_REJECTED = "energy_transfer_rejected", "other"
    EV_DISCONNECTED = "ev_disconnected", "evdisconnected"
    GROUND_FAULT = "ground_fault", "groundfault"
    HARD_RESET = "hard_reset", "hardreset"
    IMMEDIATE_RESET = "immediate_reset", "immediatereset"
    LOCAL = "local"
    LOCAL_OUT_OF_CREDIT = "local_out_of_credit", "localoutofcredit"
    MASTER_PASS = "master_pass", "masterpass"
    OTHER = "other"
    OVERCURRENT_FAULT = "overcurrent_fault", "overcurrentfault"
    POWER_LOSS = "power_loss", "powerloss"
    POWER_QUALITY = "power_quality", "powerquality"
    REBOOT = "reboot"
    REMOTE = "remote"
    SOC_LIMIT_REACHED = "soc_limit_reached", "soclimitreached"
    SOFT_RESET = "soft_reset", "softreset"
    STOPPED_BY_EV = "stopped_by_ev", "stoppedbyev"
    TIME_LIMIT_REACHED = "time_limit_reached", "timeoutlimitreached"  # the API's word for it
    TIMEOUT = "timeout"  # and of a session that was asked for: it did not begin in time
    UNLOCK_COMMAND = "unlock_command", "unlockcommand"
    # Ours.
    NEW_START_TRANSACTION_RECEIVED = "new_start_transaction_received"
    REJECTED = "rejected"  # the charger refused to begin it
    REMOTE_START_FAILED = "remote_start_failed"  # the charger could not be asked to


class Waiver(StrEnum):
    """Why a session costs nothing, whatever it delivered."""

    REFUSED = "refused"  # nobody who may charge was presented for it
    VOIDED = "voided"  # a person has decided so
    BATTERY_SWAP = "battery_swap"  # what it charged is a battery that belongs to the station


class HardwareStatus(StrEnum):
    """What a connector says of itself, or the station of itself as a whole."""

    AVAILABLE = "available"
    OCCUPIED = "occupied"
    PREPARING = "preparing"
    CHARGING = "charging"
    SUSPENDED_EVSE = "suspendedEVSE"
    SUSPENDED_EV = "suspendedEV"
    FINISHING = "finishing"
    RESERVED = "reserved"
    UNAVAILABLE = "unavailable"
    FAULTED = "faulted"


class ChargingState(StrEnum):
    """What a charger says that a transaction is doing; those that are alike are spelt as a HardwareStatus."""

    CHARGING = "charging"
    EV_CONNECTED = "evConnected"
    SUSPENDED_EV = "suspendedEV"
    SUSPENDED_EVSE = "suspendedEVSE"
    IDLE = "idle"


class ReservationStatus(StrEnum):
    ACTIVE = "active"
    EXPIRED = "expired"
    CANCELED = "canceled"
    DONE = "done"


class AuthorizationMethod(StrEnum):
    """By what somebody is known who charges."""

    ID_TAG = "id_tag"  # a card, a fob, a code that is typed
    MAC_ADDRESS = "mac_address"  # the vehicle's
    USER_DEVICE = "user_device"
    ADMIN = "admin"  # asked for through our APIs
    PLUG_AND_CHARGE = "plug_and_charge"  # the vehicle's own number, without a certificate
    PLUG_AND_CHARGE_ISO15118 = "plug_and_charge_iso15118"
    PAYMENT_TERMINAL = "payment_terminal"


class TagVerdict(StrEnum):
    """The answer to a presented id tag; but for the first one also the reason of a rejection."""

    ACCEPTED = "accepted"
    BLOCKED = "blocked"
    EXPIRED = "expired"
    INVALID = "invalid"
    UNKNOWN = "unknown"
    CONCURRENT = "concurrent_tx"


class UploadStatus(_Spelt):
    """How far a station is with uploading its diagnostics or a log."""

    IDLE = "idle"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    UPLOAD_FAILED = "upload_failed", "uploadfailed"
    BAD_MESSAGE = "bad_message", "uploadfailed"
    NOT_SUPPORTED_OPERATION = "not_supported_operation", "uploadfailed"
    PERMISSION_DENIED = "permission_denied", "uploadfailed"
    ACCEPTED_CANCELED = "accepted_canceled", "idle"  # a newer request took its place
