"""What is said of metrics is what the server has: in the documentation, the dashboard and the alert rules."""

import json
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from cogmill.kit import metrics

ROOT = Path(__file__).parents[2]
KNOWN = {one._name: one for one in vars(metrics).values() if isinstance(one, Counter | Gauge | Histogram)}
FOREIGN = {"up", "process_resident_memory_bytes"}
DASHBOARD = json.loads((ROOT / "ops" / "grafana-dashboard.json").read_text("utf-8"))
ALERTS = yaml.safe_load((ROOT / "ops" / "alerts.yml").read_text("utf-8"))


def told(metric):
    kind = type(metric).__name__.lower()
    name = metric._name + ("_total" if kind == "counter" else "")
    labels = ", ".join(f"`{one}`" for one in metric._labelnames)
    return f"| `{name}` | {kind} | {labels} | {metric._documentation} |"


def test_the_table_names_every_metric():
    page = (ROOT / "docs" / "observability.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `cogmill_")]
    assert rows == [told(one) for one in KNOWN.values()]


def expressions():
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for group in ALERTS["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"]
            assert rule["annotations"]["action"]
            assert rule["labels"]["severity"] in {"warning", "critical"}
            yield rule["alert"], rule["expr"]


@pytest.mark.parametrize(("title", "expression"), list(expressions()))
def test_expressions_use_metrics_and_labels_that_there_are(title, expression):
    assert expression.count("(") == expression.count(")")
    bare = re.sub(r"\[[^\]]*\]", "", expression)
    found = re.findall(r"\b((?:cogmill|process)_\w+|up)\b(?:\{([^}]*)\})?", bare)
    assert found, title
    labels = {"instance", "job", "le"}
    for name, _ in found:
        if name not in FOREIGN:
            metric = KNOWN[re.sub(r"_(total|bucket|sum|count)$", "", name)]
            labels |= set(metric._labelnames)
    for _, matchers in found:
        assert set(re.findall(r"(\w+)\s*[=!]~?", matchers)) <= labels, title
    for group in re.findall(r"\bby \(([^)]*)\)", bare):
        assert set(re.split(r",\s*", group)) <= labels, title


def test_a_label_from_outside_has_bounded_values():
    bounded = metrics.Bounded(2)
    assert [bounded(one) for one in ("a", "b", "c", "a")] == ["a", "b", "other", "a"]
    assert [metrics.method(one) for one in ("GET", "BREW")] == ["GET", "other"]
