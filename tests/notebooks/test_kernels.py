"""The kernels of tests and of make outputs end quickly, and leave nothing in a lesson's names."""

from jupyter_client.manager import start_new_kernel

LOOK = """
import gc, pathlib
gc.set_threshold(10**9)  # only what the end of the kernel looks for is found
assert not {"atexit", "gc"} & BEFORE, "a lesson that forgets an import must fail"
class InACycle:
    def __init__(self):
        self.itself = self
    def __del__(self):
        pathlib.Path(%r).touch()
one = InACycle()
del one
"""


def test_a_kernel_ends_without_a_search_for_cycles(tmp_path):
    late = tmp_path / "late"
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        for code in ("BEFORE = set(globals())", LOOK % str(late)):
            reply = client.execute(code, reply=True, timeout=60)
            assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    assert not late.exists()
