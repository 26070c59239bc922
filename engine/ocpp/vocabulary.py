"""What the words of each OCPP version are in ours (`engine.domain.vocabulary`): one table per kind.

Versions that share a word mean the same by it, so a table serves all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from engine.domain.state import Registration
from engine.domain.vocabulary import (
    ChargingState,
    HardwareStatus,
    ReservationStatus,
    SessionReason,
    TagVerdict,
    UploadStatus,
)

# RegistrationStatus of BootNotification's answer.
REGISTRATION_STATUS: Final[Mapping[Registration, Literal["Accepted", "Pending", "Rejected"]]] = {
    Registration.ACCEPTED: "Accepted",
    Registration.PENDING: "Pending",
    Registration.REJECTED: "Rejected",
}

# 1.6 StopTransaction.reason, 2.x ReasonEnumType.
STOP_REASONS: Final[Mapping[str, SessionReason]] = {
    "DeAuthorized": SessionReason.DEAUTHORIZED,
    "EmergencyStop": SessionReason.EMERGENCY_STOP,
    "EnergyLimitReached": SessionReason.ENERGY_LIMIT_REACHED,
    "EVDisconnected": SessionReason.EV_DISCONNECTED,
    "GroundFault": SessionReason.GROUND_FAULT,
    "HardReset": SessionReason.HARD_RESET,  # 1.6
    "ImmediateReset": SessionReason.IMMEDIATE_RESET,
    "Local": SessionReason.LOCAL,
    "LocalOutOfCredit": SessionReason.LOCAL_OUT_OF_CREDIT,
    "MasterPass": SessionReason.MASTER_PASS,
    "Other": SessionReason.OTHER,
    "OvercurrentFault": SessionReason.OVERCURRENT_FAULT,
    "PowerLoss": SessionReason.POWER_LOSS,
    "PowerQuality": SessionReason.POWER_QUALITY,
    "Reboot": SessionReason.REBOOT,
    "Remote": SessionReason.REMOTE,
    "ReqEnergyTransferRejected": SessionReason.ENERGY_TRANSFER_REJECTED,  # 2.1
    "SOCLimitReached": SessionReason.SOC_LIMIT_REACHED,
    "SoftReset": SessionReason.SOFT_RESET,  # 1.6
    "StoppedByEV": SessionReason.STOPPED_BY_EV,
    "TimeLimitReached": SessionReason.TIME_LIMIT_REACHED,
    "Timeout": SessionReason.TIMEOUT,
    "UnlockCommand": SessionReason.UNLOCK_COMMAND,  # 1.6
}

# 1.6 ChargePointStatus, 2.x ConnectorStatusEnumType.
HARDWARE_STATUS: Final[Mapping[str, HardwareStatus]] = {
    "Available": HardwareStatus.AVAILABLE,
    "Occupied": HardwareStatus.OCCUPIED,  # 2.x
    "Preparing": HardwareStatus.PREPARING,
    "Charging": HardwareStatus.CHARGING,
    "SuspendedEVSE": HardwareStatus.SUSPENDED_EVSE,
    "SuspendedEV": HardwareStatus.SUSPENDED_EV,
    "Finishing": HardwareStatus.FINISHING,
    "Reserved": HardwareStatus.RESERVED,
    "Unavailable": HardwareStatus.UNAVAILABLE,
    "Faulted": HardwareStatus.FAULTED,
}

# 2.x ChargingStateEnumType.
CHARGING_STATES: Final[Mapping[str, ChargingState]] = {
    "Charging": ChargingState.CHARGING,
    "EVConnected": ChargingState.EV_CONNECTED,
    "SuspendedEV": ChargingState.SUSPENDED_EV,
    "SuspendedEVSE": ChargingState.SUSPENDED_EVSE,
    "Idle": ChargingState.IDLE,
}

# 2.x ReservationUpdateStatusEnumType (H04).
RESERVATION_STATUS: Final[Mapping[str, ReservationStatus]] = {
    "Expired": ReservationStatus.EXPIRED,
    "Removed": ReservationStatus.CANCELED,
    "NoTransaction": ReservationStatus.EXPIRED,  # 2.1: its user came, and no transaction followed in time
}

# AuthorizationStatus of 1.6 (§7.2), which has no word for a tag that is not known.
AUTHORIZATION_STATUS_V16: Final[
    Mapping[TagVerdict, Literal["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"]]
] = {
    TagVerdict.ACCEPTED: "Accepted",
    TagVerdict.BLOCKED: "Blocked",
    TagVerdict.EXPIRED: "Expired",
    TagVerdict.INVALID: "Invalid",
    TagVerdict.UNKNOWN: "Invalid",
    TagVerdict.CONCURRENT: "ConcurrentTx",
}
# AuthorizationStatusEnumType of 2.x.
AUTHORIZATION_STATUS_V2X: Final[
    Mapping[TagVerdict, Literal["Accepted", "Blocked", "ConcurrentTx", "Expired", "Invalid", "Unknown"]]
] = {**AUTHORIZATION_STATUS_V16, TagVerdict.UNKNOWN: "Unknown"}

# RecurrencyKindType and ChargingProfilePurposeType, as the Public API writes them.
RECURRENCY: Final[Mapping[str, str]] = {"Daily": "daily", "Weekly": "weekly"}
PROFILE_PURPOSES: Final[Mapping[str, str]] = {
    "ChargePointMaxProfile": "ChargePointMaxProfile",
    "ChargingStationMaxProfile": "ChargePointMaxProfile",
    "TxDefaultProfile": "TxDefaultProfile",
    "TxProfile": "TxProfile",
    # That API has no words for these.
    "ChargingStationExternalConstraints": "ChargingStationExternalConstraints",
    "LocalGeneration": "LocalGeneration",
    "PriorityCharging": "PriorityCharging",
}

# 1.6 DiagnosticsStatus and UploadLogStatusEnumType, 2.x UploadLogStatusEnumType.
UPLOAD_STATUS: Final[Mapping[str, UploadStatus]] = {
    "Idle": UploadStatus.IDLE,
    "Uploading": UploadStatus.UPLOADING,
    "Uploaded": UploadStatus.UPLOADED,
    "UploadFailed": UploadStatus.UPLOAD_FAILED,  # of diagnostics
    "UploadFailure": UploadStatus.UPLOAD_FAILED,  # of a log
    "BadMessage": UploadStatus.BAD_MESSAGE,
    "NotSupportedOperation": UploadStatus.NOT_SUPPORTED_OPERATION,
    "PermissionDenied": UploadStatus.PERMISSION_DENIED,
    "AcceptedCanceled": UploadStatus.ACCEPTED_CANCELED,
}
