"""The moves of a task: where each leads, and what they leave alone."""

from models.states import FIRST, MOVES, TERMINAL, Move, State, diagram


def test_only_a_person_moves_a_task_out_of_its_end() -> None:
    assert [name for name, (sources, _) in MOVES.items() if sources & TERMINAL] == [Move.REOPEN]


def test_every_move_is_in_the_table_and_every_state_it_names_can_be_reached() -> None:
    assert set(MOVES) == set(Move)
    reached = {FIRST} | {target for _, target in MOVES.values()}
    assert all(sources <= reached for sources, _ in MOVES.values())


def test_diagram_draws_each_move_from_each_of_its_states() -> None:
    drawn = diagram()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> queued: submit")
    for name, (sources, target) in MOVES.items():
        for source in sources:
            assert f"    {source} --> {target}: {name}" in drawn
    assert f"    {State.SUCCEEDED} --> [*]" in drawn
