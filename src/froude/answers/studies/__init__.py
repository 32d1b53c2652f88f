"""What a study of pilots says: its record on disk, and the answer that its page, its story and its data share."""

from froude.answers.studies.answer import answer_of_study
from froude.answers.studies.outcome import forecast_words, held_out_words, measured_words
from froude.answers.studies.record import Place, StudyRecord, read_study_record

__all__ = [
    "Place",
    "StudyRecord",
    "answer_of_study",
    "forecast_words",
    "held_out_words",
    "measured_words",
    "read_study_record",
]
