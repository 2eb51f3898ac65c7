"""Who is calling, told by the port they call, and what they may do, told by the program's IAM."""

from collections.abc import Mapping
from typing import Protocol

from emulators.iam import OPERATOR, Denied
from emulators.runtime.storage.errors import PermissionDenied, Unauthorized

ANONYMOUS = "allUsers"


class Policy(Protocol):
    """Decides by bindings; raises `Denied`, naming the missing role. See `emulators.iam`."""

    def check(self, member: str, permission: str, kind: str, name: str) -> None: ...


class Access:
    """`members` maps local ports to IAM members; other ports are anonymous.

    Without a `policy` (stand-alone) everyone is the operator.
    """

    def __init__(self, policy: Policy | None, members: Mapping[int, str]) -> None:
        self._policy = policy
        self._members = members

    def caller(self, port: int) -> str:
        """The member that a request on local `port` comes from."""
        return OPERATOR if self._policy is None else self._members.get(port, ANONYMOUS)

    def check(self, member: str, permission: str, bucket: str) -> None:
        """Let pass what `member` may do to `bucket`, e.g. `storage.objects.get`.

        Raises:
            Unauthorized: an anonymous caller, who may not.
            PermissionDenied: a known caller, who may not; says which role is missing.
        """
        if self._policy is None or member == OPERATOR:
            return
        try:
            self._policy.check(member, permission, "bucket", bucket)
        except Denied as denied:
            if member != ANONYMOUS:
                raise PermissionDenied(str(denied)) from None
            raise Unauthorized(
                f"Anonymous caller does not have {permission} access to the Google Cloud Storage "
                f"resource. Permission '{permission}' denied on resource (or it may not exist). "
                f"{denied}"
            ) from None

    def allows(self, member: str, permission: str, bucket: str) -> bool:
        try:
            self.check(member, permission, bucket)
        except (PermissionDenied, Unauthorized):
            return False
        return True
