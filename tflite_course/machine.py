"""The processor of this machine: a time says nothing without it."""

import os
import platform

# From the widest down: the first that the processor has is what LiteRT's fast kernels use, and int8 has its own.
VECTORS = (
    ("avx512f", "AVX-512"),
    ("avx2", "AVX2"),
    ("avx", "AVX"),
    ("sse2", "SSE2"),
    ("asimd", "NEON"),
    ("neon", "NEON"),
)
INT8 = (("avx512_vnni", "VNNI"), ("avx_vnni", "VNNI"), ("i8mm", "I8MM"), ("asimddp", "dot product"))


def name_instructions(features):
    """Return the names, such as "AVX-512 VNNI", of the vector and the int8 instructions among a processor's features.

    features: words as in /proc/cpuinfo, in any order. Returns "" if none of them is known.
    """
    features = set(features)
    found = [next((name for word, name in group if word in features), "") for group in (VECTORS, INT8)]
    return " ".join(filter(None, found))


def instruction_set():
    """Return the vector and int8 instructions of this processor, "AVX2" or "AVX-512 VNNI"; "" where nothing tells them.

    Linux: /proc/cpuinfo. macOS: sysctl. Windows: NumPy knows the vectors, nothing tells the int8 instructions.
    """
    return name_instructions(_features())


def processor():
    """Return name, instructions and number of cores of this processor as one line of text."""
    parts = [_name(), instruction_set(), f"{os.cpu_count()} cores"]
    return ", ".join(filter(None, parts))


def _cpuinfo(key):
    """Return the first value of a key of /proc/cpuinfo, "" without such a file or key."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.partition(":")[0].strip() == key)
    except (OSError, StopIteration, IndexError):
        return ""


def _sysctl(*keys):
    """Return the values of keys of macOS's sysctl as text, "" where it cannot be asked."""
    import subprocess

    try:
        done = subprocess.run(["sysctl", *keys], capture_output=True, text=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _name():
    if platform.system() == "Darwin":
        return _sysctl("-n", "machdep.cpu.brand_string").strip() or platform.machine()
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _features():
    if platform.system() == "Darwin":
        arm = {"hw.optional.arm.FEAT_DotProd": "asimddp", "hw.optional.arm.FEAT_I8MM": "i8mm"}
        lines = _sysctl(*arm, "machdep.cpu.features", "machdep.cpu.leaf7_features").lower().splitlines()
        found = [word for key, word in arm.items() if f"{key.lower()}: 1" in lines]
        found += [word for line in lines if "features:" in line for word in line.split(":", 1)[1].split()]
        return [*found, "neon"] if platform.machine() == "arm64" else [word.replace("avx1.0", "avx") for word in found]
    features = (_cpuinfo("flags") or _cpuinfo("Features")).lower().split()
    if features:
        return features
    return _features_of_numpy()


def _features_of_numpy():
    """Return what NumPy found out about this processor: it names groups of features, in lower case here."""
    try:
        from numpy._core._multiarray_umath import __cpu_features__ as found
    except ImportError:
        return []
    groups = {"x86_v4": "avx512f", "x86_v3": "avx2"}
    return [groups.get(name.lower(), name.lower()) for name, there in found.items() if there]
