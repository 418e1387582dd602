"""Health checks: found among the plugins, run together, told as text, JSON or metrics."""

from llmrepl.health.finding import installed
from llmrepl.health.running import TIME_LIMIT, Outcome, apart, run_checks

__all__ = ["TIME_LIMIT", "Outcome", "apart", "installed", "run_checks"]
