"""What people fill in."""

from incidents.forms.assessing import QuestionsForm
from incidents.forms.crew import CommandForm, PersonForm, WorkForm
from incidents.forms.declaring import DeclareForm
from incidents.forms.deeds import (
    NOT_WHOLE,
    CadenceForm,
    CorrectionForm,
    EntryForm,
    ImpactForm,
    MitigateForm,
    NothingToAsk,
    PhaseForm,
    ReasonForm,
    ResolveForm,
    SeverityForm,
)
from incidents.forms.doing import ActionEndForm, ActionForm, DecisionForm, ObjectionForm
from incidents.forms.heartbeats import HeartbeatForm
from incidents.forms.listing import ListForm, SaveFilterForm
from incidents.forms.merging import MergeForm, RelateForm, SplitForm
from incidents.forms.people import MeForm
from incidents.forms.quieting import MaintenanceForm, SilenceForm
from incidents.forms.routing import EventsForm, RouteForm
from incidents.forms.tasks import TaskEndForm, TaskForm
from incidents.forms.updating import UpdateForm
from incidents.forms.watching import SubscriptionForm, WatchForm

__all__ = [
    "NOT_WHOLE",
    "ActionEndForm",
    "ActionForm",
    "CadenceForm",
    "CommandForm",
    "CorrectionForm",
    "DecisionForm",
    "DeclareForm",
    "EntryForm",
    "EventsForm",
    "HeartbeatForm",
    "ImpactForm",
    "ListForm",
    "MaintenanceForm",
    "MeForm",
    "MergeForm",
    "MitigateForm",
    "NothingToAsk",
    "ObjectionForm",
    "PersonForm",
    "PhaseForm",
    "QuestionsForm",
    "ReasonForm",
    "RelateForm",
    "ResolveForm",
    "RouteForm",
    "SaveFilterForm",
    "SeverityForm",
    "SilenceForm",
    "SplitForm",
    "SubscriptionForm",
    "TaskEndForm",
    "TaskForm",
    "UpdateForm",
    "WatchForm",
    "WorkForm",
]
