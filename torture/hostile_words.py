"""What hostile files are made of: good files, and scalars and keys of every sort.

A seed stands for one file, so the order of the words counts.
"""

from __future__ import annotations

__all__ = ["CAMEL", "KEYS", "NATIVE", "SCALARS", "SMALL", "SOUND"]

NATIVE = """\
x-common: &common {timeout: 5s, continue_on_error: true}
name: report
description: fetches and reports
max_duration: 2m
parallel_config: {max_concurrent: 5, queue_size: 100, timeout: 30, when_full: wait}
steps:
  - id: first step
    tool: echo
    input: {value: {n: 3, users: [{name: ada}, {name: $context.city}]}}
  - {<<: *common, id: fetch, tool: greet, input: {city: "${context.city}!", delay: 0.5}}
  - id: enrich
    depends_on: [fetch, first step]
    group:
      wait_strategy: quorum(2)
      max_concurrent: 3
      continue_on_error: true
      timeout: 15s
      step_timeout: 1.5
      steps:
        - reviews
        - {id: prices, tool: echo, input: '$results["first step"].users[0].name'}
        - id: stock
          group: {steps: [{id: shelf, tool: odd}, {id: broken, tool: fail, <<: *common}]}
  - {id: reviews, tool: count, input: {names: [a, b], most: 1, how: down}}
  - {id: last, depends_on: [enrich], tool: table, input: {rows: [{a: 1}, {b: 2}]}}
output:
  total: $results.enrich.results.length
  all: "of $results.last and $errors.broken.message at $now for $$5"
  shelf: $results.shelf
"""

CAMEL = """\
name: report
maxDuration: 120000
parallelConfig: {maxConcurrent: 5, queueSize: 100, timeout: 30000, whenFull: wait}
steps:
  - id: fetch
    toolName: greet
    input: {city: "$context.city", loud: true}
    timeout: 500
  - id: enrich
    dependsOn: [fetch]
    parallelGroup:
      waitStrategy: allSettled
      continueOnError: true
      stepTimeout: 1500
      steps: [reviews, {id: prices, toolName: echo, input: {value: "$results.fetch"}}]
  - {id: reviews, toolName: fail, continueOnError: true}
output: {total: "$results.enrich.results.length", why: $errors.reviews.type}
"""

SMALL = "name: x\nsteps:\n  - {id: a, tool: echo, input: 1}\n"

SCALARS = [
    "NO", "yes", "on", "off", "y", "~", "null", "Null", "true", "FALSE", "0777", "0o17", "0x1F",
    "089", "1_000", "12:30", "1e3", "1e999", "-1e999", ".inf", "-.INF", ".nan", "+5", "-0", "1.",
    ".5", "5000000000", "-1", "2030-01-31", "2030-01-31T12:00:00Z", "0b11", "=", "<<",
    "$results.fetch", "$results", "$errors", "$context", "$now", "$context.city",
    "$results.fetch.0.length", "${results.fetch", "${{results.fetch}}", "$env.X", "$ctx.x", "$$",
    "$", "${}", "$results.a[*]", "$context[-1]", "$context.deep.a.b", "$errors.broken",
    "quorum(2)", "quorum(0)", "all_settled", "allSettled", "race", "1h30m", "echo", "greet",
    "count", "table", "odd", "fail", "fetch", "enrich", "reviews", "a", "b", "500ms", ".5s", "0",
    "1", "5", "100000", "!!str", "!!int", "!!bool", "!!float", "!!null", "!!map", "!!seq",
    "!!set", "!!omap", "!!binary", "!!timestamp", "!x", "!", "*common", "*a", "&a", "&", "*",
    "!", "%", "@", "`", "|", ">", "-", "?", ":", "#", "[", "]", "{", "}", ",", "'", '"', "[]",
    "{}", "[[", "}}", "---", "...", "<<", "<<:", "!!bool\tfoo", "!!int\t''", "!!int\tx",
    "!!float\t.", "!!null\tx", "!!set\t{a}", "!!str\t[a]", "a b", "$results['first step'].n",
    "${ results.x }", "${results.first step}", "? [a] : b", "? {a: b}", '"\\uD800"', '"\\x00"',
    '"\\u2028"', "\x00", "\x07", "\x1b[2J", "\u2028", "\x85", "\ufeff", "�", "é", "日本", "\u202e",
    "'{a: 1, a: 2}'", "{1: a, '1': b}", "{on: 1, 1.0: 2, ~: 3}", "{$results.x: 1}",
    "[a, [b, {c: d}]]",
    "9" * 600,
    "9" * 5_000,
    "0x" + "f" * 5_000,
    "x" * 3_000,
    "a." * 300,
    "$results." + "a." * 300 + "a",
]  # fmt: skip

# Scalars that are right nearly everywhere.
SOUND = [
    "NO", "yes", "on", "~", "null", "true", "0o17", "0x1F", "12:30", "1e3", ".inf", ".nan", "-0",
    "5", "100000", "2030-01-31", "a", "é", "$context.city", "$errors.s00", "$now", "$$", "$5",
    "$HOME", "${context.city}", "$context", "$results.s00",
]  # fmt: skip

KEYS = [
    "name", "description", "max_duration", "parallel_config", "steps", "output", "id", "tool",
    "input", "depends_on", "timeout", "continue_on_error", "group", "wait_strategy",
    "max_concurrent", "step_timeout", "queue_size", "maxDuration", "parallelConfig", "toolName",
    "dependsOn", "parallelGroup", "waitStrategy", "when_full", "x-a", "city", "delay", "value",
    "names", "most", "rows", "1", "true", "null", "on", "NO", "<<", "0x10", "1.5", ".nan", "~",
    "tol", "Name", "a b", "é", "'first step'", '""', "? [a]", "? {b: c}", "*a", "&b c",
    "!!int 1", "$results.x", "${x}", "-", "\x00",
]  # fmt: skip
