"""Target groups and classic balancers, as the engine's Balancer and Directory ports."""
