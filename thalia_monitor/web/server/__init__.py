"""Serving: processes, access, security headers, error pages, server log and status."""
