"""What the local engine takes from the machine it is on: its devices, its cores and a clean environment."""

import importlib
import os
from collections import Counter

# All that a training process may know of the environment it was started from: no token ever gets there.
_ALLOWED = {
    "COHORT_CACHE",
    "CUDA_VISIBLE_DEVICES",
    "FSSPEC_CONFIG_DIR",
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "PATH",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
    "XDG_CACHE_HOME",
}


def clean_environment() -> dict[str, str]:
    """Return the environment for the supervisor and all that it starts, rebuilt from an allow-list."""
    kept = {name: value for name, value in os.environ.items() if name in _ALLOWED or name.startswith("LC_")}
    return {**kept, "HF_HUB_OFFLINE": "1"}


def thread_environment(slots: int) -> dict[str, str]:
    """Return what OpenMP reads when torch is loaded: each of `slots` runs gets its share of the cores.

    Threads that wait must sleep: on a busy 2-core machine a step took 4.4 s spinning and 0.55 s passive.
    """
    share = max(1, len(os.sched_getaffinity(0)) // slots)
    threads = os.environ.get("OMP_NUM_THREADS") or str(share)
    return {"OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}


def devices_in_words() -> str:
    """Return what this machine trains on: its GPUs by name, or its cores."""
    if not cuda_devices():
        return f"CPU, {len(os.sched_getaffinity(0))} cores"
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
        handles = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
        names = Counter(nvml.nvmlDeviceGetName(handle) for handle in handles)
    except Exception:  # NVML's errors are known only where it is installed
        return f"{len(cuda_devices())} GPU"
    return ", ".join(f"{count} × {name}" for name, count in names.items())


def cuda_devices() -> list[str]:
    """Return the GPUs as `CUDA_VISIBLE_DEVICES` names them; none without NVML. Makes no CUDA context."""
    if (visible := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:  # no driver: a machine without GPUs
        return []
    handles = map(nvml.nvmlDeviceGetHandleByIndex, range(nvml.nvmlDeviceGetCount()))
    return [nvml.nvmlDeviceGetUUID(handle) for handle in handles]
