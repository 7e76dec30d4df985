"""Which classes of items are no mail."""

from __future__ import annotations

import pytest

from capstone.domain.generated.item_class import excluded_class


@pytest.mark.parametrize(
    ("message_class", "policy"),
    [
        ("IPM.Note", None),
        ("IPM.Note.SMIME", None),
        ("REPORT.IPM.Note.NDR", None),
        ("IPM.Schedule.Meeting.Request", None),
        ("IPM.Post", None),
        ("IPM.Document.Word", None),
        ("IPM.TaskRequest", None),
        ("", None),
        ("IPM.Contact.Special", "item_class_contact"),
        ("IPM.DistList", "item_class_contact"),
        ("IPM.Appointment", "item_class_appointment"),
        ("IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", "item_class_appointment"),
        ("ipm.task", "item_class_task"),
        ("IPM.StickyNote", "item_class_note"),
        ("IPM.Activity", "item_class_journal"),
        ("IPM.Microsoft.ScheduleData.FreeBusy", "item_class_configuration"),
    ],
)
def test_only_classes_known_to_be_no_mail_are_left_out(message_class: str, policy: str | None) -> None:
    assert excluded_class(message_class) == policy
