"""What to look at: the pictures of a study, a fit or a plan, and one self-contained HTML page that tells its story."""

from froude.reporting.page import write_page
from froude.reporting.report import write_report

__all__ = ["write_page", "write_report"]
