"""One model, engine, metric, split, target and policy that do hardly more than count."""
