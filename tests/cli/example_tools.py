"""Stand-ins for the services that a workflow file in camelCase may name; nothing leaves here."""

from __future__ import annotations

import trio

from hocket import ToolRegistry


async def http_request(url, method="GET", body=None):
    await trio.sleep(0.02)
    if "reviews" in url:
        raise ConnectionError("no reviews today")
    return {"url": url, "method": method, "body": body, "users": [{"id": 1}]}


async def database_query(query):
    await trio.sleep(0.01)
    return [{"query": query}]


async def service(**options):
    await trio.sleep(0.02)
    return {"url": "memory://report", "users": [], **options}


REGISTRY = ToolRegistry()
REGISTRY.register(http_request)
REGISTRY.register(database_query)
for name in (
    "data_processor",
    "send_email",
    "send_sms",
    "send_push",
    "generate_pdf",
    "generate_excel",
    "generate_html",
    "upload_file",
    "delete_files",
    "cache_clear",
    "update_metrics",
    "format_response",
):
    REGISTRY.register(service, name)
