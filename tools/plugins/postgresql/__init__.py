"""The stand-in for the `postgresql` plugin where that can't be downloaded: the same resources, ids and state.

Behaviour follows pulumi-postgresql 3.18 (bridge 3.136, upstream cyrilgdn/terraform-provider-postgresql at ff936b9), so
that either plugin can take over a state file from the other. It knows the resource types that Socle uses, no others.
"""
