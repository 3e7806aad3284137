"""What the list of hypervisors takes and answers."""

from typing import Literal

from pydantic import Field

from cogmill.web.params import Out, PageQuery

Status = Literal["available", "restarting", "disconnected", "terminated", "draining"]


class HypervisorsQuery(PageQuery):
    status: Status | Literal["all"] = Field("available", description="Only those in this state; all: in any")


class HypervisorOut(Out):
    cloud_provider_instance_id: str | None
    created_at: int | None
    hypervisor_id: str
    last_heartbeat: int | None
    status: Status
    utilization_percentage: float
