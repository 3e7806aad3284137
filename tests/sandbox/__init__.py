"""The sandbox drivers through their public protocol: real bubblewrap, real processes, no fakes."""
