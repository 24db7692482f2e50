"""Dashboard, alert rules and scrape configuration ask for metrics that exist, by labels that they have."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from seatledger.runtime.metrics import LABELS, Declared, Kind, Metrics
from seatledger.schemas.book import OpenState
from seatledger.schemas.findings import FindingCode
from tests.architecture.product import ROOT, SERVICES

FOLDER = ROOT / "deploy" / "observability"
OF_PROMETHEUS = {"job", "instance", "service"}
"""Labels that Prometheus gives each series of a target: see prometheus.yml."""
DECLARED: dict[str, Declared] = {series: one for one in Metrics().declared for series in one.series}
VALUES: Mapping[str, set[str]] = {
    "code": {code.value for code in FindingCode},
    "state": {state.value for state in OpenState},
    "waits_for": {"approval", "release"},
}
"""What a matcher of these labels may ask for."""


def yaml_of(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana-dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES: list[dict[str, Any]] = [rule for group in yaml_of("alerts.yml")["groups"] for rule in group["rules"]]
EXPRESSIONS = [
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
    *(rule["expr"] for rule in RULES),
]


class Asked:
    """What an expression asks for: series with their matchers, and the labels that it groups by."""

    def __init__(self, expression: str) -> None:
        self.selectors: list[promql_parser.VectorSelector] = []
        self.labels: set[str] = set()
        self.counted: set[str] = set()
        promql_parser.walk(promql_parser.parse(expression), self._visit)

    def _visit(self, node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            self.selectors.append(node)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            self.labels |= set(node.modifier.labels)
        if isinstance(node, promql_parser.Call) and node.func.name in {"rate", "increase"}:
            self.counted |= {str(argument.vector_selector.name) for argument in node.args}
        return True

    def series(self) -> list[Declared]:
        return [DECLARED[str(one.name)] for one in self.selectors if one.name != "up"]


def labels_of(asked: Asked) -> set[str]:
    of_series = [{*one.labels, *({"le"} if one.kind is Kind.HISTOGRAM else set())} for one in asked.series()]
    return set.intersection(*of_series) | OF_PROMETHEUS if of_series else OF_PROMETHEUS


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_asks_for_what_is_declared(expression: str) -> None:
    """It parses; each series is declared and has the labels that are matched and grouped by, with values that occur."""
    asked = Asked(expression)
    assert asked.selectors
    assert {str(one.name) for one in asked.selectors} <= {*DECLARED, "up"}
    assert asked.labels <= labels_of(asked)
    for selector in asked.selectors:
        for matcher in selector.matchers.matchers:
            allowed = OF_PROMETHEUS if selector.name == "up" else {*DECLARED[str(selector.name)].labels}
            assert matcher.name in allowed
            if matcher.name in VALUES:
                assert set(matcher.value.split("|")) <= VALUES[matcher.name]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_counters_are_rated_and_gauges_are_not(expression: str) -> None:
    """A rate of a gauge, or the bare value of a counter, would draw a line that means nothing."""
    asked = Asked(expression)
    for selector in asked.selectors:
        rated = str(selector.name) in asked.counted
        assert rated == (selector.name != "up" and DECLARED[str(selector.name)].kind is not Kind.GAUGE), selector.name


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_stands_in_the_store_is_not_added_up_over_replicas(expression: str) -> None:
    """Each replica shows the same gauge of the store: the innermost aggregation takes their maximum."""
    for one in Asked(expression).series():
        if one.from_store:
            assert re.search(rf"max by \([a-z_, ]+\) \({one.name}\b", expression), one.name


def test_every_metric_is_drawn() -> None:
    """Whoever declares a metric says in which question it helps: each stands on the dashboard."""
    drawn = {one.name for panel in PANELS for target in panel["targets"] for one in Asked(target["expr"]).series()}
    assert {one.name for one in Metrics().declared} - drawn == set()


def lost(given: Any, kept: Any, at: str = "") -> Iterator[str]:
    """Paths of what Grafana's own model of a dashboard does not know."""
    if isinstance(given, dict):
        for key, value in given.items():
            if value is None:
                continue
            if key not in kept:
                yield f"{at}/{key}"
            else:
                yield from lost(value, kept[key], f"{at}/{key}")
    elif isinstance(given, list):
        for number, (one, other) in enumerate(zip(given, kept, strict=True)):
            yield from lost(one, other, f"{at}/{number}")
    elif given != kept:
        yield f"{at}: {given!r} became {kept!r}"


def known_to_grafana(dashboard: dict[str, Any]) -> list[str]:
    kept = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    return list(lost(dashboard, kept))


def test_the_dashboard_is_one_to_grafana() -> None:
    """Grafana's published model of a dashboard reads all of it and gives the same back."""
    assert known_to_grafana(DASHBOARD) == []


def test_a_wrong_key_in_a_dashboard_is_noticed() -> None:
    """The test above fails where a key is mistyped."""
    assert known_to_grafana({**DASHBOARD, "titel": "x"}) == ["/titel"]


def test_panels_lie_side_by_side() -> None:
    """Own ids, inside 24 columns, none on another; each says what it shows."""
    cells: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & cells, panel["title"]
        assert max(x for x, _ in covered) < 24
        cells |= covered
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["description"] and panel["datasource"]["uid"] == "${datasource}" for panel in PANELS)


def test_rows_are_questions() -> None:
    """An operator looks for an answer, not for a component."""
    titles = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert len(titles) >= 5
    assert all(title.endswith("?") for title in titles)


def leads_somewhere(link: str) -> bool:
    """Whether a document is there, and has the heading that is linked to."""
    path, _, anchor = link.partition("#")
    text = (ROOT / path).read_text() if (ROOT / path).is_file() else ""
    headings = {
        re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in re.findall(r"^#+ (.+)$", text, re.M)
    }
    return bool(text) and (not anchor or anchor in headings)


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    """Summary, meaning, deed, and a document of this repository that says more; names are unique."""
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "means", "do", "runbook"}, rule["alert"]
        assert all(text.strip() for text in rule["annotations"].values()), rule["alert"]
        assert leads_somewhere(rule["annotations"]["runbook"]), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
    assert len({rule["alert"] for rule in RULES}) == len(RULES)


def test_summaries_use_labels_that_their_alert_has() -> None:
    """``{{ $labels.x }}`` of a label that the expression drops would be empty."""
    for rule in RULES:
        asked = Asked(rule["expr"])
        kept = asked.labels or OF_PROMETHEUS
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        assert named <= kept - {"le"}, rule["alert"]


def test_every_service_is_asked() -> None:
    """The scrape configuration names all four, each series gets the label ``service``, and the rules are loaded."""
    found = yaml_of("prometheus.yml")
    (job,) = found["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert job["job_name"] == "seatledger"
    assert sorted(names["names"]) == sorted(SERVICES)
    assert {rule["target_label"] for rule in job["relabel_configs"]} <= OF_PROMETHEUS - set(LABELS)
    assert found["rule_files"] == ["alerts.yml"]
    compose = yaml.safe_load((ROOT / "deploy" / "compose" / "seatledger.yaml").read_text())
    assert {compose["services"][name]["http"] for name in SERVICES} == {f"0.0.0.0:{names['port']}"}


def _commands(texts: Sequence[str]) -> set[str]:
    return {found for text in texts for found in re.findall(r"seatledger ([a-z]+)", text)}


def test_alerts_name_commands_that_exist() -> None:
    """What an alert tells to do can be typed."""
    named = _commands([rule["annotations"]["do"] for rule in RULES])
    listed = (ROOT / "docs" / "interface.md").read_text()
    assert named
    assert all(re.search(rf"`{command}\b", listed) for command in named), named
