"""Loads of many cgroups with many tasks (crowd.cpp) and of several disks (disks.cpp)."""

import bench


def start(stage, cgroups, tasks):
    """Returns when all are at work; they and the cgroups are gone when the stage is cleared."""
    bench.Helper(stage, "crowd", cgroups, tasks).read()


def start_disks(stage, count):
    """The same with disks: zram, and a loop device over one of them. Returns their names."""
    return bench.Helper(stage, "disks", count - 1).read()["disks"]
