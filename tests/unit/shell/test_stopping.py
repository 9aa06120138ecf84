import signal
import subprocess
import sys

import pytest

PROGRAM = """
import time
from inference.shell.stopping import told_to_stop
stopping = told_to_stop(1)
print("there", flush=True)
stopping.wait()
print("told", flush=True)
time.sleep({seconds})
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("seconds", "status"), [(0, 0), (30, -signal.SIGALRM)])
def test_a_process_is_told_and_ends_even_where_it_hangs(number: signal.Signals, seconds: int, status: int) -> None:
    command = [sys.executable, "-c", PROGRAM.format(seconds=seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        process.send_signal(number)
        assert process.wait(10) == status
        assert process.stdout.readline() == "told\n"
