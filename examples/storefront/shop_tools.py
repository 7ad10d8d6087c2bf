"""Tools of the shop's own, for its workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

import hocket

Rows = Sequence[Mapping[str, Any]]


@hocket.tool
async def compute_totals(
    orders: Rows, products: Rows, users: Rows, rates: Mapping[str, float], currency: str
) -> dict[str, Any]:
    """Add up what was sold, in the currency that was asked for."""
    prices = {product["id"]: product["price_cents"] for product in products}
    names = {user["id"]: user["name"] for user in users}
    cents = sum(prices[order["product"]] * order["quantity"] for order in orders)
    bought: dict[str, int] = {}
    for order in orders:
        name = names[order["customer"]]
        bought[name] = bought.get(name, 0) + order["quantity"]
    await trio.lowlevel.checkpoint()
    return {
        "orders": len(orders),
        "items": sum(bought.values()),
        "revenue": round(cents / 100 * rates[currency], 2),
        "currency": currency,
        "best_customer": max(bought, key=lambda name: bought[name]),
    }


@hocket.tool
async def find_shortages(inventory: Rows, reserved: Rows, products: Rows) -> list[dict[str, Any]]:
    """The products of which more is reserved than in stock."""
    stock = {row["product"]: row["in_stock"] for row in inventory}
    names = {product["id"]: product["name"] for product in products}
    await trio.lowlevel.checkpoint()
    return [
        {"product": names[row["product"]], "missing": row["quantity"] - stock[row["product"]]}
        for row in reserved
        if row["quantity"] > stock[row["product"]]
    ]


@hocket.tool
async def write_report(
    path: str, layout: Mapping[str, Any], totals: Mapping[str, Any], shortages: Rows
) -> str:
    """Write the report to a file, and return the file's name."""
    lines = [
        f"# {layout['title']}",
        f"{layout['heading']}.",
        "",
        f"Sold: {totals['items']} items in {totals['orders']} orders,",
        f"for {totals['revenue']:.2f} {totals['currency']}.",
        f"Best customer: {totals['best_customer']}.",
        "",
        *(f"- {row['product']}: {row['missing']} missing" for row in shortages),
    ]
    await trio.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Path(path).name
