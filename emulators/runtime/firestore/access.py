"""Which permission each Firestore method needs; methods not listed are for operators only."""

from collections.abc import Mapping

from emulators.iam import OPERATOR, Denied, Policy

_READ = "datastore.entities.get"
_LIST = "datastore.entities.list"
_WRITE = "datastore.entities.update"

SERVICE = "/google.firestore.v1.Firestore/"

PERMISSIONS: Mapping[str, str] = {
    "GetDocument": _READ,
    "BatchGetDocuments": _READ,
    "ListDocuments": _LIST,
    "ListCollectionIds": _LIST,
    "RunQuery": _LIST,
    "RunAggregationQuery": _LIST,
    "PartitionQuery": _LIST,
    "Listen": _LIST,
    "BeginTransaction": _READ,
    "Rollback": _READ,
    "Commit": _WRITE,
    "BatchWrite": _WRITE,
    "Write": _WRITE,
    "CreateDocument": "datastore.entities.create",
    "UpdateDocument": _WRITE,
    "DeleteDocument": "datastore.entities.delete",
}
"""Source: https://cloud.google.com/firestore/docs/security/iam (API methods). Commit and the like
need create, update or delete by what they hold; every role that has one has all three."""


class Access:
    """Decides by the policy, and remembers: the policy does not change while we run."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._granted: set[tuple[str, str]] = set()

    def check(self, member: str, path: str) -> None:
        """Let `member` call the method at `path`.

        Raises:
            Denied: the member has no role for it.
        """
        if (member, path) in self._granted or member == OPERATOR:
            return
        method = path.removeprefix(SERVICE)
        permission = PERMISSIONS.get(method)
        if permission is None:
            raise Denied(f"denied: {path} is for {OPERATOR} only (caller {member})")
        self._policy.check(member, permission, "project", self._policy.project)
        self._granted.add((member, path))
