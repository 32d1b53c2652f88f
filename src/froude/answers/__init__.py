"""What a result says, made once: headline, facts, tables, pictures as data, notes, warnings, and data for programs."""

from froude.answers.answer import Answer, Fact, Picture, Table

__all__ = ["Answer", "Fact", "Picture", "Table"]
