"""What to look at: the pictures of a study, a fit or a plan, and one self-contained HTML page that tells its story."""

from froude.reporting.plan.page import write_plan_page
from froude.reporting.report import write_report

__all__ = ["write_plan_page", "write_report"]
