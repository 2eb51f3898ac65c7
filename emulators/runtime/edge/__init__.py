"""The local edge: load balancer, Cloud Run's gates and Cloud CDN, read from the graph."""
