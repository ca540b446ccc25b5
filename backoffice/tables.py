"""Every table of the shop: import this module before using `Base.metadata`."""

import backoffice.catalog.models
import backoffice.conversations.models
import backoffice.events.audit
import backoffice.events.models
import backoffice.fulfillment.models
import backoffice.fulfillment.planning.models
import backoffice.inventory.models
import backoffice.inventory.stock_models
import backoffice.kit.attempts
import backoffice.kit.executors
import backoffice.kit.fencing
import backoffice.kit.idempotency
import backoffice.knowledge.models
import backoffice.returns.models
import backoffice.staff.models
import backoffice.trade.checkout.models
import backoffice.trade.models
import backoffice.trade.offers.models
import backoffice.trade.payments.models
import backoffice.training.datasets.models
import backoffice.training.models.models
import backoffice.training.review.models
import backoffice.training.serving.models
import backoffice.users.models  # noqa: F401
from backoffice.kit.database import Base

metadata = Base.metadata
