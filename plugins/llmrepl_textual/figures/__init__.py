"""The dashboards: what calls took, how providers and tools do, what was audited."""
