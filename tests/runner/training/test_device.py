"""What the device says of itself: real counters where there is a GPU, and honest gaps where there is none."""

import numpy as np
import torch

from runner.training.device import EnergyMeter, device_memory, device_name, peak_memory

SIZE = 256 * 2**20  # bytes


def test_energy_is_the_gpus_own_or_not_known() -> None:
    meter = EnergyMeter()
    if not torch.cuda.is_available():
        assert meter.joules() is None
        return
    product = torch.randn(4096, 4096, device="cuda")
    for _ in range(200):
        product = (product @ product).clamp(-1, 1)
    torch.cuda.synchronize()
    assert meter.joules() is None or meter.joules() > 0  # type: ignore[operator]


def test_the_peak_remembers_what_was_freed() -> None:
    before = peak_memory()
    if torch.cuda.is_available():
        held = torch.ones(before + SIZE, dtype=torch.uint8, device="cuda")
        del held
        torch.cuda.empty_cache()
    else:
        resident = np.ones(before + SIZE, dtype=np.uint8)  # more than this process ever had
        del resident
    assert peak_memory() >= before + SIZE


def test_the_device_has_a_name_and_a_gpu_its_memory() -> None:
    assert device_name().strip()
    assert (device_memory() > 0) == torch.cuda.is_available()
