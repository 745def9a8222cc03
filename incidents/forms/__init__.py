"""What people fill in."""

from incidents.forms.assessing import QuestionsForm
from incidents.forms.crew import CommandForm, PersonForm, WorkForm
from incidents.forms.declaring import DeclareForm
from incidents.forms.deeds import (
    NOT_WHOLE,
    CadenceForm,
    EntryForm,
    ImpactForm,
    MitigateForm,
    NothingToAsk,
    PhaseForm,
    ReasonForm,
    ResolveForm,
    SeverityForm,
)
from incidents.forms.listing import ListForm, SaveFilterForm
from incidents.forms.people import MeForm
from incidents.forms.tasks import TaskEndForm, TaskForm
from incidents.forms.updating import UpdateForm

__all__ = [
    "NOT_WHOLE",
    "CadenceForm",
    "CommandForm",
    "DeclareForm",
    "EntryForm",
    "ImpactForm",
    "ListForm",
    "MeForm",
    "MitigateForm",
    "NothingToAsk",
    "PersonForm",
    "PhaseForm",
    "QuestionsForm",
    "ReasonForm",
    "ResolveForm",
    "SaveFilterForm",
    "SeverityForm",
    "TaskEndForm",
    "TaskForm",
    "UpdateForm",
    "WorkForm",
]
