"""What newer scim2-models know and the pinned one refuses. Knows one model of it; does not know Canaille or Usher.

Canaille 0.3.6 breaks with newer scim2-models, and 0.7.0 takes no attribute of `/ServiceProviderConfig` that it does not know:
`pagination` (RFC 9865 §4), which 0.12 has, would end each discovery. Here such attributes are passed over. Import
this before anything is discovered.
"""

from scim2_models import ServiceProviderConfig

ServiceProviderConfig.model_config["extra"] = "ignore"
ServiceProviderConfig.model_rebuild(force=True)
