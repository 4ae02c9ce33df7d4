"""What a run is told by the device that trains it: its name, memory and energy."""

import importlib
import platform
import resource
from pathlib import Path
from typing import Any

import torch


def device_name() -> str:
    """Return the name of the GPU or CPU that trains, as its maker writes it."""
    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def peak_memory() -> int:
    """Return the most bytes that this process had at once: of the GPU if there is one, else of the machine.

    Of a GPU it is what torch took from the device, free parts of its cache included, without the CUDA context (half a
    gigabyte): what is allocated for tensors alone would be less than a run needs.
    """
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_reserved())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def device_memory() -> int:
    """Return the bytes of the GPU's memory; 0 on a CPU."""
    return int(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else 0


class EnergyMeter:
    """Measures the energy of the GPU that this run is pinned to, by the GPU's own counter.

    It counts all that the GPU does meanwhile. Without a GPU, its driver's library or such a counter there is nothing to
    read: `joules` is then None.
    """

    def __init__(self) -> None:
        self._nvml, self._handle = _pinned_gpu()
        self._began = self._read()

    def joules(self) -> float | None:
        """Return the energy since this meter was made."""
        now = self._read()
        return None if now is None or self._began is None else round(now - self._began, 1)

    def _read(self) -> float | None:
        if self._handle is None:
            return None
        try:
            return float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1000  # from millijoules
        except self._nvml.NVMLError:  # before Volta, and a part of a GPU, have no such counter
            return None


def _pinned_gpu() -> tuple[Any, Any]:
    """Return NVML and its handle of the one GPU that torch sees first; no handle where there is none."""
    if not torch.cuda.is_available():
        return None, None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, None
    try:
        nvml.nvmlInit()
        return nvml, nvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(0).uuid}")
    except nvml.NVMLError:
        return nvml, None
