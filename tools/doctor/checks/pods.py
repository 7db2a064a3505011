"""What a pod that doesn't run says of itself. Pure."""

from __future__ import annotations

from tools.doctor import typed
from tools.doctor.facts import Pod, Wanted
from tools.doctor.finding import About, Finding

IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


def pod_finding(about: About, wanted: Wanted, pod: Pod) -> Finding | None:
    """The pod's fault, or None where it is ready or has done its work."""
    if pod.ready or pod.phase == "Succeeded":
        return None
    described = typed.describe(wanted, pod.namespace, f"pod {pod.name}")
    if pod.unschedulable:
        return about.fault(f"Pending: {pod.unschedulable}", "no node takes it", described)
    if pod.waiting in IMAGE_REASONS:
        return about.fault(f"{pod.waiting}: {pod.message}", "its image can't be had", described)
    said = f"{pod.phase}, {pod.waiting or 'not ready'}" + (f": {pod.message}" if pod.message else "")
    restarts = f", {pod.restarts} restarts" if pod.restarts else ""
    command = typed.logs(wanted, pod.namespace, f"{pod.name} --all-containers" + (" --previous" if restarts else ""))
    return about.fault(said + restarts, "it does no work", command, pod.log)
