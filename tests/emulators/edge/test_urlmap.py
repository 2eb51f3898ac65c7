"""The URL map read from a graph, and Google's path rules."""

import pytest

from emulators.graph import Graph
from emulators.runtime.edge import urlmap
from emulators.runtime.edge.urlmap import BucketBackend, ServiceBackend, UnsupportedUrlMap
from tests.emulators.edge.rig import compute_id, graph, resource


def name_for(path: str, host: str = "127.0.0.1:8080") -> str:
    return urlmap.load(graph()).match(host, path).name


@pytest.mark.parametrize(
    ("path", "backend"),
    [
        ("/", "segue-web"),
        ("/index.html", "segue-web"),
        ("/v1/uploads", "segue-catalog"),
        ("/v1/uploads/", "segue-catalog"),
        ("/v1/uploads/u1/parts", "segue-catalog"),
        ("/v1/uploadsx", "segue-web"),
        ("/v1", "segue-web"),
        ("/audio/a/base/x.mp4", "segue-audio"),
        ("/audio", "segue-web"),
        ("/images/x.jpg", "segue-images"),
        ("/_events/track-changed", "segue-web"),
        ("//v1/uploads", "segue-web"),
    ],
)
def test_path_rules(path, backend):
    assert name_for(path) == backend


def test_longest_folder_wins_and_exact_goes_before_it():
    rules = [
        {"paths": ["/a/*"], "service": compute_id("backendBuckets", "segue-web")},
        {"paths": ["/a/b/*"], "service": compute_id("backendBuckets", "segue-audio")},
        {"paths": ["/a/b/c"], "service": compute_id("backendBuckets", "segue-images")},
    ]
    match = urlmap.load(with_rules(rules)).match
    assert match("h", "/a/x").name == "segue-web"
    assert match("h", "/a/b/x").name == "segue-audio"
    assert match("h", "/a/b/c").name == "segue-images"
    assert match("h", "/a/b/c/d").name == "segue-audio"


def test_backends_carry_what_the_graph_says():
    match = urlmap.load(graph(requests_per_minute=7)).match
    service, audio, web = match("h", "/v1/uploads"), match("h", "/audio/x"), match("h", "/")
    assert isinstance(service, ServiceBackend)
    assert service.service == "catalog"
    assert service.request_headers == (("X-Client-Geo-Region", "{client_region}"),)
    assert service.armor is not None
    assert isinstance(audio, BucketBackend)
    assert audio.bucket == "test-project-audio"
    assert set(audio.keys) == {"key-1", "key-2"}
    assert isinstance(web, BucketBackend)
    assert (dict(web.keys), web.main_page, web.not_found_page) == ({}, "index.html", "404.html")


def test_redirect_only_map_is_passed_over():
    made = graph(
        extra=(
            resource(
                "gcp:compute/uRLMap:URLMap",
                "redirect",
                id="redirect-id",
                name="segue-redirect",
                defaultUrlRedirect={"httpsRedirect": True},
            ),
            resource(
                "gcp:compute/targetHttpProxy:TargetHttpProxy",
                "http",
                id="http-id",
                name="segue",
                urlMap="redirect-id",
            ),
        )
    )
    rule = resource(
        "gcp:compute/globalForwardingRule:GlobalForwardingRule", "http", target="http-id"
    )
    made = Graph(
        made.stack, made.project, made.project_number, made.region, (rule, *made.resources)
    )
    assert urlmap.load(made).match("h", "/audio/x").name == "segue-audio"


@pytest.mark.parametrize(
    "rules",
    [
        [{"paths": ["/a/*"], "service": "projects/p/global/backendBuckets/nowhere"}],
        [{"paths": ["/a*"], "service": compute_id("backendBuckets", "segue-web")}],
        [{"paths": ["a/*"], "service": compute_id("backendBuckets", "segue-web")}],
        [
            {
                "paths": ["/a/*"],
                "service": compute_id("backendBuckets", "segue-web"),
                "routeAction": {"urlRewrite": {"pathPrefixRewrite": "/"}},
            }
        ],
    ],
)
def test_what_has_no_local_meaning_is_an_error(rules):
    with pytest.raises(UnsupportedUrlMap):
        urlmap.load(with_rules(rules))


def test_graph_without_a_front_door_is_an_error():
    with pytest.raises(UnsupportedUrlMap):
        urlmap.load(Graph("test", "p", "1", "r", ()))


def with_rules(rules: list) -> Graph:
    made = graph()
    web = compute_id("backendBuckets", "segue-web")
    replaced = resource(
        "gcp:compute/uRLMap:URLMap",
        "front-door",
        id=compute_id("urlMaps", "segue"),
        name="segue",
        defaultService=web,
        hostRules=[{"hosts": ["*"], "pathMatcher": "all"}],
        pathMatchers=[{"name": "all", "defaultService": web, "pathRules": rules}],
    )
    kept = tuple(one for one in made.resources if one.type != urlmap.URL_MAP)
    return Graph("test", made.project, made.project_number, made.region, (*kept, replaced))
