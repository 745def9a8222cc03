"""What each section is for: questions that ask what and how, never for a culprit (R-72, R-77)."""

from dataclasses import dataclass

from postmortems.models import SectionKey


@dataclass(frozen=True)
class Prompt:
    """A question that opens an empty section, and what helps to answer it."""

    question: str
    hints: tuple[str, ...]


PROMPTS: dict[str, Prompt] = {
    SectionKey.SUMMARY: Prompt(
        "What happened, from when to when, how far did it reach, and at which severity?",
        (
            "Two or three sentences that a colleague from another team understands at once.",
            "Begin with what users noticed, then what set it off, then what ended it.",
        ),
    ),
    SectionKey.TIMELINE: Prompt(
        "What happened when, to the minute, in UTC?",
        (
            "Keep every moment at which something changed, was noticed, was decided or was tried.",
            "Add what nobody wrote down at the time: the change before it all, the first sign, the first complaint.",
            "Take out what does not help a reader to follow the course of events.",
        ),
    ),
    SectionKey.IMPACT: Prompt(
        "What could users not do, how many of them, and for how long?",
        (
            "Users affected, requests that failed, money lost, promises to customers missed (SLA).",
            "A figure with its source beside it; where there is none, write “not known” and how it could be found.",
            "Say as well what went on working.",
        ),
    ),
    SectionKey.ROOT_CAUSE: Prompt(
        "What set it off, and why did the system allow it?",
        (
            "First the trigger: the change or event right before the trouble.",
            "Then the conditions that had been there for longer: a check, limit, alarm, rehearsal or piece of knowledge"
            " that was missing.",
            "Ask of each answer what made it possible, until you reach something that the organisation can change.",
            "A slip is where the questions begin: what made it easy to make and hard to notice?",
        ),
    ),
    SectionKey.IMPROVEMENTS: Prompt(
        "What would prevent this, make it smaller, or show it sooner next time?",
        (
            "One line each: a verb, what will be different, an owner, a date.",
            "Sort them by term: short (days), medium (weeks), long (a quarter and more).",
            "Beside each one, the cause that it takes away.",
        ),
    ),
    SectionKey.LESSONS: Prompt(
        "What went well, what could go better, and which new risks came to light?",
        (
            "What went well belongs here too: what should stay as it is, and where were we merely lucky?",
            "How did detection, the first minutes, the decisions and the messages to users go?",
            "Which risks do we know now that we did not know before?",
        ),
    ),
}
