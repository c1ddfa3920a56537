"""The check on small services: what is a difference, how short it gets, when nothing is checked."""

from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gainbench.errors import EnvironmentLacking
from gainbench.parity.check import ArmUnderCheck, ParityReport, check
from gainbench.parity.operations import SCHEMAS, looked_at
from gainbench.parity.run import side_by_side, to_record
from gainbench.plan.model import ParityRules
from tests.parity.service import Notes, serving


def checked(
    *variants: Notes,
    sequences: int = 30,
    reset: bool = True,
    counters: bool = True,
    rules: ParityRules | None = None,
) -> ParityReport:
    def statement_counters() -> Counter[str]:
        return sum((Counter(notes.statements) for notes in variants), Counter({"show_status": 1}))

    def put_back() -> None:
        for notes in variants:
            notes.reset()

    with ExitStack() as stack:
        arms = [
            ArmUnderCheck(f"arm{number}", stack.enter_context(serving(notes)))
            for number, notes in enumerate(variants, start=1)
        ]
        return check(
            arms,
            rules or ParityRules(),
            sequences=sequences,
            seed=1,
            reset=put_back if reset else None,
            statement_counters=statement_counters if counters else None,
        )


class SaysGone(Notes):
    """404 becomes 410, once a note was deleted."""

    def delete(self, number: int) -> tuple[int, Any]:
        status, value = super().delete(number)
        return (410 if status == 404 else status), value


class ForgetsText(Notes):
    def read(self, number: int) -> tuple[int, Any]:
        status, value = super().read(number)
        return status, {**value, "text": None} if status == 200 else value


class LooksTwice(Notes):
    def delete(self, number: int) -> tuple[int, Any]:
        self.count("select")
        return super().delete(number)


class AnswersTrue(Notes):
    def create(self, text: Any) -> tuple[int, Any]:
        status, value = super().create(text)
        return status, {**value, "id": True} if value["id"] == 1 else value


class Random(Notes):
    """Each variant with a token of its own."""

    token = "00000000000000aa"

    def create(self, text: Any) -> tuple[int, Any]:
        status, value = super().create(text)
        return status, {**value, "token": f"note-{self.token}"}


class OtherRandom(Random):
    token = "00000000000000bb"


def test_arms_that_are_alike_have_no_difference() -> None:
    report = checked(Notes(), Notes(), Notes(title="another title"), sequences=40)

    assert (report.sequences, report.differences, report.openapi_difference) == (40, (), None)
    assert report.alike
    sent = report.statements
    assert sent["arm1"]["insert"] > 0
    assert sent["arm1"]["select"] > 0
    assert sent["arm1"] == sent["arm2"] == sent["arm3"]
    assert side_by_side(report).splitlines()[-1].startswith("parity: 3 arms, 40 sequences, 0 differences; ")
    assert 0 < report.succeeded <= report.answers


def test_another_status_is_shown_with_the_one_request_it_takes() -> None:
    report = checked(Notes(), SaysGone())

    (difference,) = report.differences
    assert difference.requests == ("DELETE /notes/1",)
    assert [answers[0].status for answers in difference.answers.values()] == [404, 410]
    assert not report.alike
    assert side_by_side(report).splitlines() == [
        "the answers to request 1 differ: status",
        "  1. DELETE /notes/1",
        '     arm1  404 {"detail": "no such note"}',
        '     arm2  410 {"detail": "no such note"}',
        "",
        *side_by_side(report).splitlines()[5:-1],
        f"parity: 2 arms, {report.sequences} sequences, 1 difference;"
        f" {report.succeeded} of {report.answers} answers 2xx",
    ]


def test_a_lost_field_takes_the_request_that_creates_and_the_one_that_reads() -> None:
    (difference,) = checked(Notes(), ForgetsText()).differences

    created, read = difference.requests
    assert created.startswith('POST /notes {"text": ')
    assert read == "GET /notes/1"
    assert difference.what == "the answers to request 2 differ: body at .text"


def test_one_more_statement_is_a_difference_even_where_all_answers_are_alike() -> None:
    report = checked(Notes(), LooksTwice())

    (difference,) = report.differences
    assert difference.requests == ("DELETE /notes/1",)
    assert difference.statements == {"arm1": {"select": 1}, "arm2": {"select": 2}}
    text = side_by_side(report)
    assert "the numbers of statements differ: select" in text
    assert "arm2  2 select" in text


def test_statements_that_need_not_be_equal_are_shown_and_said_not_to_be_held() -> None:
    rules = ParityRules(methods=("DELETE",), statements="shown")
    report = checked(Notes(), LooksTwice(), rules=rules)

    assert report.alike
    once, twice = (report.statements[arm]["select"] for arm in ("arm1", "arm2"))
    assert 0 < twice == 2 * once
    assert side_by_side(report).splitlines()[:3] == [
        f"sent arm1  {once} select",
        f"sent arm2  {twice} select",
        "parity: 2 arms, 30 sequences, 0 differences in answers (statements shown, not held equal);"
        f" {report.succeeded} of {report.answers} answers 2xx",
    ]
    record = to_record(report)
    assert (record.statements, record.statements_held) == (report.statements, False)


def test_answers_are_held_equal_where_statements_are_not() -> None:
    (difference,) = checked(Notes(), SaysGone(), rules=ParityRules(statements="shown")).differences

    assert difference.what == "the answers to request 1 differ: status"


def test_a_rule_for_statements_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValidationError, match="'equal' or 'shown'"):
        ParityRules.model_validate({"statements": "show"})


def test_true_is_not_one() -> None:
    (difference,) = checked(Notes(), AnswersTrue()).differences

    assert difference.what == "the answers to request 1 differ: body at .id"


def test_random_tokens_are_alike() -> None:
    assert checked(Random(), OtherRandom()).alike


def test_without_a_reset_ids_may_begin_anywhere_and_a_difference_stays_as_it_was_found() -> None:
    assert checked(Notes(), Notes(first_id=500), reset=False, rules=_only("/notes/")).alike
    (difference,) = checked(Notes(), SaysGone(), reset=False).differences
    assert difference.note == "as it was found: the arms' data cannot be put back"


def _only(prefix: str) -> ParityRules:
    return ParityRules(include=(prefix,))


def test_new_ids_are_compared_by_what_they_stand_for_without_a_reset() -> None:
    class Unlisted(Notes):
        """A list of bare ids cannot be told from any numbers."""

        def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
            if (method, path) == ("GET", "/notes"):
                return 200, []
            return super().answer(method, path, body)

    # Small ids that nobody created here are asked for too: no row of either arm has one.
    assert checked(Unlisted(first_id=100), Unlisted(first_id=500), reset=False).alike


def test_statements_are_not_compared_where_nobody_counts_them() -> None:
    report = checked(Notes(), LooksTwice(), counters=False)

    assert report.alike
    assert side_by_side(report).startswith("parity: 2 arms, 30 sequences, 0 differences; ")


def test_documents_that_differ_are_told_with_the_place() -> None:
    class NoBody(Notes):
        def document(self) -> Any:
            return {**super().document(), "openapi": "3.0.0"}

    report = checked(Notes(), NoBody())

    assert report.openapi_difference == '.openapi: arm1 has "3.1.0", arm2 has "3.0.0"'
    assert not report.alike
    assert "1 difference; " in side_by_side(report)
    assert to_record(report).differences == 1


def test_documents_may_differ_in_paths_and_schemas_that_are_not_looked_at() -> None:
    class MoreToOffer(Notes):
        def document(self) -> Any:
            published = super().document()
            schema = {"$ref": "#/components/schemas/Extra"}
            body = {"content": {"application/json": {"schema": schema}}}
            paths = {**published["paths"], "/extras": {"post": {"requestBody": body}}}
            schemas = {**published["components"]["schemas"], "Extra": {"type": "object"}}
            return {**published, "paths": paths, "components": {"schemas": schemas}}

    assert checked(Notes(), MoreToOffer(), rules=_only("/notes")).alike
    assert checked(Notes(), MoreToOffer()).openapi_difference == (
        '.components.schemas.Extra: arm1 has nothing, arm2 has {"type": "object"}'
    )


def test_a_schema_that_is_looked_at_must_be_alike_wherever_it_is_referred_to() -> None:
    def document(kind: str) -> dict[str, Any]:
        schemas = {"Note": {"items": {"$ref": f"{SCHEMAS}Line"}}, "Line": {"type": kind}, "Other": {}}
        return {"paths": {"/notes": {"get": {"$ref": f"{SCHEMAS}Note"}}}, "components": {"schemas": schemas}}

    seen = [looked_at(document(kind), _only("/notes")) for kind in ("string", "integer")]

    assert [list(each["components"]["schemas"]) for each in seen] == [["Note", "Line"]] * 2
    assert seen[0] != seen[1]


def test_an_arm_without_a_document_is_skipped_with_the_reason() -> None:
    class Undocumented(Notes):
        def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
            return (404, None) if path == "/openapi.json" else super().answer(method, path, body)

    report = checked(Notes(), Undocumented())

    assert report.skipped is not None
    assert report.skipped.endswith("/openapi.json is no OpenAPI document (status 404)")
    assert side_by_side(report) == f"parity: not checked: {report.skipped}"
    assert to_record(report).skipped == report.skipped


NOTHING_LEFT = "the rules leave no operation that all arms have"


def test_one_arm_or_no_operation_is_nothing_to_compare() -> None:
    assert checked(Notes()).skipped == "it takes two arms"
    assert checked(Notes(), Notes(), rules=_only("/nowhere")).skipped == NOTHING_LEFT


class Mute(Notes):
    def delete(self, number: int) -> tuple[int, Any]:
        raise ConnectionAbortedError


def test_an_arm_that_gives_no_answer_is_like_one_that_gives_none_either() -> None:
    assert checked(Mute(), Mute(), counters=False, sequences=20).alike
    (difference,) = checked(Mute(), Notes(), counters=False, sequences=20).differences
    assert difference.what == "the answers to request 1 differ: there is no answer"


class HangsUp(Notes):
    """As a server does after an error of its own: its next request finds the connection closed."""

    def __init__(self) -> None:
        super().__init__()
        self.turned_away: set[tuple[str, str]] = set()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path.startswith("/notes") and (method, path) not in self.turned_away:
            self.turned_away.add((method, path))
            raise ConnectionAbortedError
        return super().answer(method, path, body)


def test_a_connection_that_was_closed_is_opened_again_before_anything_is_said_of_the_arm() -> None:
    assert checked(HangsUp(), Notes(), counters=False, sequences=20).alike


def test_the_same_seed_sends_the_same_requests() -> None:
    class Recording(Notes):
        seen: list[tuple[str, str, bytes]]

        def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
            self.seen.append((method, path, body))
            return super().answer(method, path, body)

    first, second = Recording(), Recording()
    for notes in (first, second):
        notes.seen = []
        assert checked(notes, Notes(), sequences=10, counters=False).alike

    assert first.seen == second.seen
    assert len(first.seen) > 20


def test_an_error_of_ours_is_no_difference_and_comes_through() -> None:
    def broken() -> dict[str, int]:
        if calls.total() > 20:
            raise EnvironmentLacking("the database is gone")
        calls["made"] += 1
        return {}

    calls: Counter[str] = Counter()
    with serving(Notes()) as one, serving(Notes()) as other:
        arms = [ArmUnderCheck("one", one), ArmUnderCheck("other", other)]
        with pytest.raises(EnvironmentLacking, match="the database is gone"):
            check(
                arms,
                ParityRules(),
                sequences=50,
                seed=0,
                reset=None,
                statement_counters=broken,
            )


def test_the_current_folder_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert checked(Notes(), Notes(), sequences=10).alike
    assert list(tmp_path.iterdir()) == []
