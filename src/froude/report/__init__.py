"""What to look at: the pictures of a study and one self-contained HTML page that tells its story."""

from froude.report.page import write_report

__all__ = ["write_report"]
