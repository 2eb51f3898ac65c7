"""The mark on calls from one of our services to another by the public address.

Cloud Armor limits what one address may ask, and a service asks for thousands of people from a few
addresses. What bears the mark is not counted. It opens nothing else: for whom a call is made, and
what that one may do, is said by the token that it carries, as with any client.
"""

HEADER = "x-segue-service"


def marked(service_key: str) -> dict[str, str]:
    """The headers of a call by a service that knows the stack's `segue:serviceKey`."""
    return {HEADER: service_key}
