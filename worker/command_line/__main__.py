"""`bin/opscore` runs this."""

from worker.command_line.program import program

if __name__ == "__main__":
    program(prog_name="bin/opscore")
