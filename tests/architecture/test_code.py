"""What import-linter and ruff cannot see in the code."""

import ast
from pathlib import Path

import pytest

from tests.architecture.product import SERVICES, calls, imports, keywords, last_name, modules, name, tree

LONG_FUNCTIONS: dict[str, str] = {}
"""``path:function`` of those over 60 lines, with the reason."""
FUNCTION_LINES, MODULE_LINES = 60, 300
AIR = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("time", "time"),
    ("time", "monotonic"), ("time", "time_ns"), ("os", "urandom"), ("uuid", "uuid1"), ("uuid", "uuid4"),
}  # fmt: skip
"""Calls that take time or chance from the air."""
DOMAINS = [path for path in modules() if "domain" in path.parts]


def test_there_is_code_to_look_at() -> None:
    """The tests below look at all four services; they would pass over an empty list."""
    folders = {path.parts[path.parts.index("services") + 1] for path in DOMAINS}
    assert folders == set(SERVICES)
    assert len(modules()) > 100


def test_only_the_runtimes_wiring_knows_the_stream_library() -> None:
    """Every subscriber is made in one module, so that one look at it is a look at all of them."""
    users = [name(path) for path in modules() if any(part.split(".")[0] == "faststream" for part in imports(path))]
    assert users == ["libs/runtime/src/seatledger/runtime/kafka.py"]


def test_every_subscriber_states_how_it_acknowledges() -> None:
    """FastStream's default loses messages on failure: batches, a group and an explicit policy, wherever one is made."""
    wiring = next(path for path in modules() if path.name == "kafka.py" and "runtime" in path.parts)
    makers = [call for call in calls(wiring, "subscriber") if keywords(call)]
    assert makers
    for call in makers:
        stated = keywords(call)
        assert stated["ack_policy"] == "AckPolicy.NACK_ON_ERROR"
        assert stated["batch"] == "True"
        assert stated["auto_offset_reset"] == "'earliest'"
        assert "group_id" in stated
        assert "auto_commit" not in stated


def test_whoever_reads_outside_a_group_commits_nothing() -> None:
    """A consumer beside the subscribers only looks: it has no group and no automatic commit."""
    for path in modules():
        for call in calls(path, "AIOKafkaConsumer"):
            stated = keywords(call)
            assert stated["group_id"] == "None", name(path)
            assert stated["enable_auto_commit"] == "False", name(path)


def test_one_module_a_service_speaks_http() -> None:
    """Retries, redirects and TLS of a transport are settled in one place; a second one would have to remember them."""
    users = {name(path) for path in modules() if any(part.split(".")[0] == "httpx2" for part in imports(path))}
    assert users == {
        "services/collector/src/seatledger/collector/adapters/partner_center/http.py",
        "services/psa-writer/src/seatledger/psa_writer/adapters/autotask/http.py",
    }


def test_services_know_sources_by_their_account() -> None:
    """A renamed source keeps its first name in all that is stored: services read ``accounts``, never ``sources``."""
    readers = [
        f"{name(path)}:{node.lineno}"
        for path in modules()
        if "services" in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and node.attr == "sources" and last_name(node.value) == "config"
    ]
    assert readers == []


@pytest.mark.parametrize("path", DOMAINS, ids=name)
def test_a_domain_takes_nothing_from_the_air(path: Path) -> None:
    """Decisions are pure: today, now, ids and chance are passed in, so that a crash decides the same again."""
    forbidden = {"random", "secrets", "time", "os", "asyncio", "socket", "pathlib"}
    assert not [part for part in imports(path) if part.split(".")[0] in forbidden]
    taken = [
        ast.unparse(node)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute) and (last_name(node.value), node.attr) in AIR
    ]
    assert taken == []


@pytest.mark.parametrize("path", DOMAINS, ids=name)
def test_a_domain_waits_for_nobody(path: Path) -> None:
    """Whatever is awaited can fail or change in between: a decision has no await."""
    assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.AsyncFunctionDef | ast.Await)]


def test_no_module_is_longer_than_a_person_reads() -> None:
    """300 lines at most."""
    sizes = {name(path): len(path.read_text().splitlines()) for path in modules()}
    assert {path: lines for path, lines in sizes.items() if lines > MODULE_LINES} == {}


def test_functions_over_sixty_lines_are_listed_with_reasons() -> None:
    """Small functions; the few that cannot be small stand in the list above, and nothing stands there in vain."""
    found = {
        f"{name(path)}:{node.name}"
        for path in modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    }
    assert found == set(LONG_FUNCTIONS)


def test_every_public_module_says_what_it_is() -> None:
    """A docstring in each module whose name does not begin with an underscore, empty package files apart."""
    silent = [
        name(path)
        for path in modules()
        if (path.name == "__init__.py" or not path.name.startswith("_"))
        and path.read_text().strip()
        and not ast.get_docstring(tree(path))
    ]
    assert silent == []


def test_nothing_in_the_product_prints() -> None:
    """Services log, the command line writes through its console: a stray ``print`` would spoil JSON on stdout."""
    printing = [name(path) for path in modules() if any(True for _ in calls(path, "print")) and "cli" not in path.parts]
    allowed = {path for path in printing if path.startswith("simulators/")}
    assert set(printing) - allowed == set()
