"""The Web API's objects and parameters, for every service that speaks them. Pure."""
