"""tflite_course.machine: what a processor's features are called, on each system."""

import platform

import pytest

from tflite_course import machine


@pytest.mark.parametrize(
    ("features", "name"),
    [
        ("fpu sse2 avx avx2 avx512f avx512_vnni", "AVX-512 VNNI"),
        ("sse2 avx avx2 avx_vnni", "AVX2 VNNI"),
        ("sse2 avx avx2 fma", "AVX2"),
        ("sse2", "SSE2"),
        ("fp asimd asimddp i8mm", "NEON I8MM"),
        ("fp asimd asimddp", "NEON dot product"),
        ("fp asimd", "NEON"),
        ("half thumb neon", "NEON"),
        ("", ""),
    ],
)
def test_instructions(features, name):
    assert machine.name_instructions(features.split()) == name


def test_processor_is_one_line():
    text = machine.processor()
    assert text.endswith(" cores") and "\n" not in text and ", , " not in text
    if platform.system() == "Linux" and platform.machine() == "x86_64":
        assert "AVX" in text or "SSE2" in text


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ("hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 0\n", "NEON dot product"),
        ("hw.optional.arm.FEAT_DotProd: 1\nhw.optional.arm.FEAT_I8MM: 1\n", "NEON I8MM"),
        ("", "NEON"),
    ],
)
def test_apple_silicon(monkeypatch, answers, text):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(machine, "_sysctl", lambda *keys: answers)
    assert machine.instruction_set() == text


def test_intel_mac(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    answer = "machdep.cpu.features: FPU SSE2 AVX1.0\nmachdep.cpu.leaf7_features: BMI1 AVX2\n"
    monkeypatch.setattr(machine, "_sysctl", lambda *keys: answer)
    assert machine.instruction_set() == "AVX2"


def test_without_cpuinfo_numpy_is_asked(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Windows")
    monkeypatch.setattr(machine, "_cpuinfo", lambda key: "")
    if platform.machine() in ("x86_64", "AMD64"):
        assert machine.instruction_set().split()[0] in ("AVX-512", "AVX2", "AVX", "SSE2")
