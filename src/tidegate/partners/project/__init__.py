"""Projects: studies, their people, ethics approvals and legal basis."""
