"""Logs, metrics, tracing, the audit chain and redaction."""
