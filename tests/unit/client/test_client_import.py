"""The client alone: a small import."""

import subprocess
import sys

PROGRAM = """
import sys, time
began = time.process_time()
import httpx, pydantic
between = time.process_time()
import hidden_gems.client
print((time.process_time() - between) / (between - began))
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "pandas", "torch", "redis", "feast"}))
"""


def test_the_client_imports_nothing_heavy_and_less_than_its_two_libraries() -> None:
    """On an ordinary core both together take a quarter of a second; in a ratio a slow one makes no difference."""
    subprocess.run([sys.executable, "-c", "import hidden_gems.client"], check=True)  # bytecode, where it is kept
    ratios = []
    for _ in range(5):
        done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
        ratio, heavy = done.stdout.split("\n")[:2]
        assert heavy == ""
        ratios.append(float(ratio))
    assert min(ratios) <= 1.0
