"""A RIS and a modality by pynetdicom, for a gateway between them.

    ris PORT OUT                     takes procedure steps; writes each message to OUT, a line of JSON
    modality PORT STUDY SERIES UID   begins and completes a step, and asks the gateway to say who it is; prints the statuses
"""

import json
import sys

from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import UserIdentityNegotiation
from pynetdicom.sop_class import ModalityPerformedProcedureStep, Verification

SUCCESS = 0x0000


def ris(port, out):
    steps = {}

    def note(kind, uid, attributes):
        steps.setdefault(uid, Dataset()).update(attributes)
        with open(out, "a", encoding="utf-8") as lines:
            lines.write(json.dumps({"kind": kind, "uid": str(uid), "attributes": attributes.to_json_dict()}) + "\n")
        return SUCCESS, steps[uid]

    def created(event):
        return note("n_create", event.request.AffectedSOPInstanceUID, event.attribute_list)

    def changed(event):
        return note("n_set", event.request.RequestedSOPInstanceUID, event.modification_list)

    entity = AE(ae_title="RIS")
    entity.add_supported_context(Verification)
    entity.add_supported_context(ModalityPerformedProcedureStep)
    handlers = [(evt.EVT_N_CREATE, created), (evt.EVT_N_SET, changed)]
    entity.start_server(("127.0.0.1", port), block=True, evt_handlers=handlers)


def modality(port, study, series, uid):
    entity = AE(ae_title="ROOM1")
    entity.add_requested_context(ModalityPerformedProcedureStep, ImplicitVRLittleEndian)
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 1
    identity.primary_field = b"demo"
    association = entity.associate("127.0.0.1", port, ae_title="FIDUCIAL", ext_neg=[identity])
    if not association.is_established:
        sys.exit("no association")
    created, _ = association.send_n_create(begun(study, series), ModalityPerformedProcedureStep, uid)
    changed, _ = association.send_n_set(completed(series), ModalityPerformedProcedureStep, uid)
    association.release()
    print(json.dumps({"created": created.Status, "changed": changed.Status}))


def begun(study, series):
    scheduled = Dataset()
    scheduled.AccessionNumber = "ACC-2"
    scheduled.StudyInstanceUID = study
    scheduled.ScheduledProcedureStepID = "SPS-8"
    step = Dataset()
    step.Modality = "CT"
    step.PerformedStationAETitle = "ROOM1"
    step.PerformedProcedureStepID = "PPS-3"
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.PerformedProcedureStepStartDate = "20260303"
    step.PerformedProcedureStepStartTime = "101700"
    step.ScheduledStepAttributesSequence = [scheduled]
    step.PerformedSeriesSequence = [performed(series)]
    return step


def completed(series):
    step = Dataset()
    step.PerformedProcedureStepStatus = "COMPLETED"
    step.PerformedProcedureStepEndDate = "20260303"
    step.PerformedProcedureStepEndTime = "102400"
    step.PerformedSeriesSequence = [performed(series)]
    return step


def performed(series):
    item = Dataset()
    item.SeriesInstanceUID = series
    item.OperatorsName = "Roe^Richard"
    item.ProtocolName = "Head"
    return item


if __name__ == "__main__":
    command, port, *words = sys.argv[1:]
    {"ris": ris, "modality": modality}[command](int(port), *words)
