"""What to look at: the pictures of a study and one self-contained HTML page that tells its story."""

from froude.report.page import write_report
from froude.report.plan import write_plan_page

__all__ = ["write_plan_page", "write_report"]
